"""Gaps of compared minima on one scale: estimate with its interval, measurement, what is said."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components.range_bar import Range, range_bar, range_key, scale_of
from dashboard.components.words import VERDICTS
from dashboard.pages.compare.measures import Minimum, letters
from minimascope.contract.report.sentences import LIES, nats


def ranges(minima: list[Minimum]) -> html.Section | None:
    """Every estimate with its interval, and the measured gap, on one scale."""
    ranges = [_range(minimum) for minimum in minima]
    scale = scale_of(ranges)
    bars = [range_bar(found, scale=scale, said=False) for found in ranges]
    if not any(bars):
        return None
    rows = [
        html.Div(
            [
                html.Div(named(index, minimum), className="range-name"),
                html.Div("not computed" if bar is None else bar),
                html.Div(_said(minimum), className="range-words"),
            ],
            className="range-row",
        )
        for index, (minimum, bar) in enumerate(zip(minima, bars, strict=True))
    ]
    key = range_key(
        estimated=any(found.value is not None for found in ranges),
        measured=any(found.measured is not None for found in ranges),
    )
    head = html.Div(html.H2("Gap: interval and measurement"), className="panel-head")
    return html.Section([head, *rows, key], className="panel panel-ranges")


def _range(minimum: Minimum) -> Range:
    known = minimum.numbers
    measured = known.gap_measured, known.gap_measured_error
    unused = known.gap_not_used
    return Range(known.gap_estimate, known.gap_half, known.gap_ninety, *measured, unused=unused)


def _said(minimum: Minimum) -> str:
    verdicts: dict[str, str] = {**VERDICTS}
    known = minimum.numbers
    said = verdicts.get(known.verdict or "", "no verdict")
    if known.gap_lies is not None:
        said += f"; measured {LIES[known.gap_lies]}"
    if known.gap_not_used is not None:
        said += f"; {nats(known.gap_not_used)} was computed and is not used"
    return said


def named(index: int, minimum: Minimum) -> list[Any]:
    """Its letter, and its name as a link."""
    return [
        html.Span(letters(index), className="letter"),
        dcc.Link(minimum.name, href=f"/analyses/{minimum.numbers.id}"),
    ]
