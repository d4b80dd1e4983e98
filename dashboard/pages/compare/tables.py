"""The tables of the compare page: every number, and the ranking against the measured gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboard.components.term import term
from dashboard.components.words import VERDICTS, level, number, plural
from dashboard.pages.compare.measures import (
    AT_LAMBDA,
    BRACKETS,
    MEASURES,
    NOWHERE,
    SHARED,
    Levels,
    Minimum,
    cell,
    letters,
)
from dashboard.pages.compare.ranks import (
    WANTED,
    Rank,
    ranking,
    tau_against_gap,
    tau_interval,
    undistinguished,
)

FIT = 6  # minima whose columns fit beside each other


def _row(words: str, cells: list[str], tau: str | None) -> html.Tr:
    same = len(set(cells)) == 1
    parts: list[Any] = [html.Th(words, scope="row"), *[html.Td(said) for said in cells]]
    if tau is not None:
        parts.append(html.Td(tau, className="tau"))
    return html.Tr(parts, className="same" if same else "")


def ranked(minima: Sequence[Minimum]) -> bool:
    """Whether enough measured gaps are known for a rank correlation."""
    return _tested(minima) >= WANTED


def _tested(minima: Sequence[Minimum]) -> int:
    return sum(m.numbers.gap_measured is not None for m in minima)


def _name(index: int, minimum: Minimum) -> list[Any]:
    return [
        html.Span(letters(index), className="letter"),
        dcc.Link(minimum.name, href=f"/analyses/{minimum.numbers.id}"),
    ]


def _head(minima: Sequence[Minimum]) -> list[Any]:
    names = [_name(index, minimum) for index, minimum in enumerate(minima)]
    tau = [term("tau", "τ with measured gap")] if ranked(minima) else []
    return [html.Span("Measure", className="unseen"), *names, *tau]


def _said(minima: Sequence[Minimum], at: Levels) -> list[tuple[str, list[str], str | None]]:
    """Measure by measure: its words, what each minimum says, its τ where enough gaps are known."""
    verdicts: dict[str, str] = {**VERDICTS}
    said = [verdicts.get(m.numbers.verdict or "", "—") for m in minima]
    with_tau = ranked(minima)
    found: list[tuple[str, list[str], str | None]] = [("Verdict", said, "" if with_tau else None)]
    if any(m.numbers.spectrum_examples for m in minima):
        found.append(("Spectrum of", [_spectrum_of(m) for m in minima], "" if with_tau else None))
    for key, words in {**MEASURES, **SHARED}.items():
        cells = [cell(m, key, at) for m in minima]
        if set(cells) == {"—"}:
            continue
        tau = number(tau_against_gap(minima, key, at), 2) if with_tau else None
        name = words.replace("at λ", f"at λ = {level(at.lambda_)}") if key in AT_LAMBDA else words
        if key == "count_at":
            name = f"Eigenvalues above {level(at.threshold)}"
        if key == "g_at":
            name = f"G at ε = {number(at.epsilon)}"
        if key in BRACKETS:
            name += undistinguished(minima, key)
        found.append((name, cells, tau))
    return found


def _spectrum_of(minimum: Minimum) -> str:
    drawn = minimum.numbers.spectrum_examples
    return "all examples" if drawn is None else plural(drawn, "example")


def numbers_table(minima: Sequence[Minimum], at: Levels = NOWHERE) -> html.Table:
    """Every number; what all minima agree on is marked for 'differences only'.

    Measures down and minima across while these fit beside each other, the other way for more.
    """
    said = _said(minima, at)
    if len(minima) > FIT:
        return _long_table(minima, said)
    head = html.Tr([html.Th(part, scope="col") for part in _head(minima)])
    rows = [_row(*row) for row in said]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="numbers")


def _long_table(
    minima: Sequence[Minimum], said: list[tuple[str, list[str], str | None]]
) -> html.Table:
    same = ["same" if len(set(cells)) == 1 else "" for _, cells, _ in said]
    names = [
        html.Th(words, scope="col", className=c) for (words, *_), c in zip(said, same, strict=True)
    ]
    rows = [
        html.Tr(
            [
                html.Th(_name(index, minimum), scope="row"),
                *[html.Td(row[1][index], className=c) for row, c in zip(said, same, strict=True)],
            ]
        )
        for index, minimum in enumerate(minima)
    ]
    if ranked(minima):
        taus = [html.Td(row[2], className=f"tau {c}") for row, c in zip(said, same, strict=True)]
        rows.append(html.Tr([html.Th("τ with measured gap", scope="row", className="tau"), *taus]))
    head = html.Tr([html.Th(html.Span("Minimum", className="unseen"), scope="col"), *names])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="numbers long")


def ranking_table(minima: Sequence[Minimum], at: Levels) -> Any:
    """Measures by how well they order the minima as the measured gap does; click one to plot it."""
    ranks, tested = ranking(minima, at), _tested(minima)
    rows = [
        html.Tr(
            [
                html.Th(
                    html.Button(
                        rank.words,
                        className="measure",
                        title="Plot it against the other measure",
                        **{"data-measure": rank.measure},
                    ),
                    scope="row",
                ),
                html.Td(_tau(rank, tested)),
                html.Td("" if rank.rho is None else number(rank.rho, 2)),
                html.Td(rank.order),
            ]
        )
        for rank in ranks
    ]
    columns = ("Measure", "Kendall τ", "Spearman ρ", "Order")
    head = html.Tr([html.Th(words, scope="col") for words in columns])
    note = "95% intervals in brackets."
    if not ranked(minima):
        note = f"They need {WANTED} minima with a test set: of fewer, most are chance."
    words = f"Rank correlations with the measured gap, over {len(minima)} minima. {note}"
    return html.Table([html.Caption(words.strip()), html.Thead(head), html.Tbody(rows)])


def _tau(rank: Rank, tested: int) -> Any:
    """τ as a bar from the middle, −1 to 1, and in digits with its interval."""
    if rank.tau is None:
        return "" if rank.measure == "gap_measured" else "—"
    side = "left" if rank.tau >= 0 else "right"
    style = {side: "50%", "width": f"{50 * abs(rank.tau):.0f}%"}
    bar = html.Span(html.Span(style=style), className="tau-bar", **{"aria-hidden": "true"})
    low, high = tau_interval(rank.tau, tested)
    ends = html.Span(f"({low:.2f} to {high:.2f})".replace("-", "−"), className="ends")
    return html.Span([bar, number(rank.tau, 2), ends], className="tau-cell")
