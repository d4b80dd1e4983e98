"""Margins as brackets: the smallest over all, by class and by pair, and all points as one band.

A bar reaches from the certified lower bound to the closest crossing. Where the two are within a
percent it is a dot; where the lower bound says nothing the bar fades out towards it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import Bracket, Margins
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.signed_margins import signed_margins
from minimascope.figures.theme import MANY_CLASSES, styled

ROWS = 14  # brackets drawn; pairs beyond are in the table
FADING = 6  # pieces of a bar that fades
REACH = 0.1  # of its upper end, down to where a fading bar reaches
ROW = 26  # pixels a bracket
BAND = 250  # pixels of the band


@dataclass(frozen=True)
class Drawn:
    """One bracket with its name."""

    name: str
    margin: Bracket


def margins_figure(margins: Margins, arrays: Arrays) -> go.Figure:
    """Brackets of the report's ℓ₂ margins above the sorted points of `arrays`, one axis for both.

    The share of points with a margin below each distance lies in the band between the curve of
    lower bounds and that of closest crossings. Points that the network gets wrong are in neither.
    """
    brackets = shown_brackets(margins)
    figure = go.Figure()
    for place, each in enumerate(reversed(brackets)):
        for trace in bracket_traces(each, place):
            figure.add_trace(trace.update(yaxis="y2"))
    low, high = sorted_points(arrays)
    figure.add_traces(band(low, high))
    figure.add_traces(estimates(margins))
    ends = [v for each in brackets for v in (each.margin.lower, each.margin.upper) if v]
    ends += [(each.margin.upper or 0.0) * REACH for each in brackets if faded(each.margin)]
    ends += [*low[low > 0], *high[high > 0]]
    split = BAND / (BAND + ROW * len(brackets) + 20)
    figure.update_xaxes(log_axis("ℓ₂ distance to the boundary", ends))
    figure.update_yaxes(title="share of right points", range=[0, 1.02], domain=[0, split - 0.04])
    figure.update_layout(
        yaxis2={
            "domain": [split, 1],
            "range": [-0.6, len(brackets) - 0.4],
            "tickvals": list(range(len(brackets))),
            "ticktext": [each.name for each in reversed(brackets)],
            "showgrid": False,
        }
    )
    height = BAND + ROW * len(brackets) + 110
    return styled(figure, height=height, margin={"l": 92, "r": 12, "t": 10, "b": 44})


def shown_brackets(margins: Margins) -> list[Drawn]:
    """All, the classes (of many the closest), then pairs of classes while there is room."""
    found = margins.l2
    drawn = [Drawn("all points", found.smallest)]
    classes = [Drawn(f"class {label}", each) for label, each in found.per_class.items()]
    if len(classes) > MANY_CLASSES:
        classes.sort(key=lambda each: each.margin.upper or math.inf)
    drawn += classes
    drawn += [Drawn(f"{each.own} → {each.beyond}", each.margin) for each in found.per_pair]
    return [each for each in drawn if each.margin.upper][:ROWS]


def faded(margin: Bracket) -> bool:
    """Whether its lower end is not drawn: it says nothing, or there is none."""
    return margin.width in ("useless", "unbounded")


def bracket_traces(each: Drawn, place: int) -> list[go.Scatter]:
    """A bar, a dot where its ends are within a percent, or a bar that fades."""
    upper, lower = each.margin.upper or 0.0, each.margin.lower
    words = f"{each.name}: {each.margin.words(lambda value: f'{value:.4g}')}"
    common: dict[str, Any] = {
        "showlegend": False,
        "name": words,
        "hovertemplate": words + "<extra></extra>",
    }
    mark = go.Scatter(
        x=[upper],
        y=[place],
        mode="markers",
        marker={"size": 9 if each.margin.width == "closed" else 11, "symbol": "circle"},
        **common,
        **marked(Role.MARGIN_BRACKETS, marker__color="accent"),
    )
    if each.margin.width == "closed":
        return [mark]
    mark.marker.symbol = "line-ns"
    mark.marker.line = {"width": 2.5}
    mark.meta["tokens"]["marker.line.color"] = "accent"
    if not faded(each.margin):
        return [_piece(lower or upper, upper, place, 0.75, common), mark]
    ends = np.geomspace(REACH * upper, upper, FADING + 1)
    pieces = [
        _piece(float(a), float(b), place, 0.75 * (i + 1) / FADING, common)
        for i, (a, b) in enumerate(pairwise(ends))
    ]
    return [*pieces, mark]


def _piece(
    low: float, high: float, place: int, opacity: float, common: dict[str, Any]
) -> go.Scatter:
    return go.Scatter(
        x=[low, high],
        y=[place, place],
        mode="lines",
        line={"width": 7},
        opacity=opacity,
        **common,
        **marked(Role.BAND, line__color="accent"),
    )


def sorted_points(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Lower bounds and closest crossings of the points the network gets right, each ascending."""
    upper = signed_margins(arrays)
    high = np.sort(upper[np.isfinite(upper) & (upper > 0)])
    lower = arrays.get("margins_lower")
    if lower is None:
        return np.zeros(0), high
    bounded = np.asarray(lower, dtype=np.float64)[np.isfinite(upper) & (upper > 0)]
    return np.sort(bounded[np.isfinite(bounded) & (bounded > 0)]), high


def band(low: np.ndarray, high: np.ndarray) -> list[go.Scatter]:
    """Shares of points below each distance, by either end, filled between."""
    traces: list[go.Scatter] = []
    if len(low) == len(high):
        shares = _shares(low)
        around = np.concatenate([low, high[::-1]])
        traces.append(
            go.Scatter(
                x=around,
                y=np.concatenate([shares, shares[::-1]]),
                mode="lines",
                line={"width": 0},
                fill="toself",
                hoverinfo="skip",
                showlegend=False,
                name="between both",
                **marked(Role.BAND, fillcolor="band"),
            )
        )
    for values, name, dash in ((low, "certified", "dot"), (high, "closest crossing", "solid")):
        if len(values):
            traces.append(_curve(values, name, dash))
    return traces


def _shares(values: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.arange(1, len(values) + 1) / max(1, len(values))


def _curve(values: np.ndarray, name: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=values,
        y=_shares(values),
        mode="lines",
        line={"width": 1.8, "dash": dash},
        name=f"{name}, all right points",
        hovertemplate=f"{name} %{{x:.4g}}, share %{{y:.2f}}<extra></extra>",
        **marked(Role.MARGIN_SHARES, line__color="accent"),
    )


def estimates(margins: Margins) -> list[go.Scatter]:
    """The eigenvectors' estimates along the axis."""
    known = [m for m in margins.eigenvector if m.estimate]
    if not known:
        return []
    return [
        go.Scatter(
            x=[m.estimate for m in known],
            y=np.zeros(len(known)),
            mode="markers",
            marker={"symbol": "triangle-up", "size": 11, "line": {"width": 1}},
            cliponaxis=False,
            name="estimate from an eigenvector",
            customdata=[m.k for m in known],
            hovertemplate="v<sub>%{customdata}</sub> estimate %{x:.3f}<extra></extra>",
            **marked(Role.MARGIN_ESTIMATES, marker__color="red", marker__line__color="page"),
        )
    ]
