"""Estimates with their intervals beside what was measured, a row each."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from docs.drawing.panels import chart, line, points
from minimascope.contract.report import Gap

ESTIMATE, MEASURED, NOTHING = "#1d5fa8", "#c2290a", "#5b616b"


@dataclass(frozen=True)
class Row:
    """A name with the gap section of a report."""

    name: str
    gap: Gap


def intervals(rows: list[Row], *, height: int = 300) -> go.Figure:
    """The first row on top; thick the 50%, thin the 90% interval, a red point what was measured."""
    traces = []
    for place, each in enumerate(reversed(rows)):
        found, measured = each.gap.headline, each.gap.measured
        if found is not None:
            traces += [
                line(found.ninety, [place, place], colour=ESTIMATE, width=2),
                line(found.half, [place, place], colour=ESTIMATE, width=8),
                points([found.value], [place], colour="#1a1c20", size=8),
            ]
        if measured is not None:
            traces.append(points([measured.value], [place - 0.22], colour=MEASURED, size=9))
    names = [each.name for each in reversed(rows)]
    ticks = {
        "tickvals": list(range(len(rows))),
        "ticktext": names,
        "range": [-0.6, len(rows) - 0.4],
    }
    figure = chart(traces, x={"title": "gap, nats", "rangemode": "tozero"}, y=ticks, height=height)
    return figure.update_layout(margin={"l": 190, "r": 12, "t": 12, "b": 44})
