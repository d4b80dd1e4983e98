"""The tables of the compare page: every number, and the ranking against the measured gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboard.compare_numbers import (
    AT_LAMBDA,
    MEASURES,
    WANTED,
    Minimum,
    cell,
    letters,
    ranking,
    tau_against_gap,
)
from dashboard.words import VERDICTS, level, number


def _row(words: str, cells: list[str], tau: str | None) -> html.Tr:
    same = len(set(cells)) == 1
    parts: list[Any] = [html.Th(words, scope="row"), *[html.Td(said) for said in cells]]
    if tau is not None:
        parts.append(html.Td(tau, className="tau"))
    return html.Tr(parts, className="same" if same else "")


def ranked(minima: Sequence[Minimum]) -> bool:
    """Whether enough measured gaps are known for a rank correlation."""
    return sum(m.numbers.gap_measured is not None for m in minima) >= WANTED


def _head(minima: Sequence[Minimum]) -> list[Any]:
    names = [
        [
            html.Span(letters(index), className="letter"),
            dcc.Link(minimum.name, href=f"/analyses/{minimum.numbers.id}"),
        ]
        for index, minimum in enumerate(minima)
    ]
    tau = [html.Span("τ with measured gap", className="column-note")] if ranked(minima) else []
    return [html.Span("Measure", className="unseen"), *names, *tau]


def numbers_table(minima: Sequence[Minimum], at: float | None) -> html.Table:
    """Rows are measures, columns minima; rows where all agree are marked for 'differences'."""
    verdicts: dict[str, str] = {**VERDICTS}
    said = [verdicts.get(m.numbers.verdict or "", "—") for m in minima]
    with_tau = ranked(minima)
    rows = [_row("Verdict", said, "" if with_tau else None)]
    for key, words in {**MEASURES, **AT_LAMBDA}.items():
        cells = [cell(m, key, at) for m in minima]
        if set(cells) == {"—"}:
            continue
        tau = number(tau_against_gap(minima, key, at), 2) if with_tau else None
        name = words.replace("at λ", f"at λ = {level(at)}") if key in AT_LAMBDA else words
        rows.append(_row(name, cells, tau))
    head = html.Tr([html.Th(part, scope="col") for part in _head(minima)])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="numbers")


def ranking_table(minima: Sequence[Minimum], at: float | None) -> Any:
    """Measures by how well they order the minima as the measured gap does."""
    ranks = ranking(minima, at)
    rows = [
        html.Tr(
            [
                html.Th(rank.words, scope="row"),
                html.Td("" if rank.measure == "gap_measured" else number(rank.tau, 2)),
                html.Td(" < ".join(rank.order)),
            ]
        )
        for rank in ranks
    ]
    head = html.Tr([html.Th(words, scope="col") for words in ("Measure", "Kendall τ", "Order")])
    note = "" if ranked(minima) else f"τ needs {WANTED} minima with a test set."
    caption = html.Caption(f"Each measure against the measured gap. {note}".strip())
    return html.Table([caption, html.Thead(head), html.Tbody(rows)])
