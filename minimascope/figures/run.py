"""Measures of a training run over its steps, one below the other, of one run or two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from minimascope.contract.runs import RunPoint
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled

ROW, BETWEEN, FOOT, HEAD = 128, 26, 46, 42  # pixels
ALIKE = 0.03
DECADES = 20.0  # of values, from which their axis is logarithmic


@dataclass(frozen=True)
class Measure:
    """One row: a field of RunPoint in words, and the fields of its error and of its least value.

    `beside` is drawn as a limit; `from_zero`: its axis begins there.
    """

    name: str
    words: str
    error: str = ""
    least: str = ""
    beside: str = ""
    from_zero: bool = True


MEASURES = (
    Measure("sharpness", "λ₁ and its limit", least="sharpness_least", beside="limit"),
    Measure("lambda_max", "λ₁ of H"),
    Measure("train_loss", "training loss, nats", from_zero=False),
    Measure("gap", "gap, nats", error="gap_error", from_zero=False),
    Measure("soft_rank", "soft rank"),
    Measure("trace", "trace of H"),
    Measure("margin", "median margin"),
    Measure("g", "G(ε)"),
)
STYLES = (("accent", "solid"), ("ink", "dash"))  # of the first run and of the second
LIMITS = {"accent": "red", "ink": "muted"}


def shown(runs: Sequence[Sequence[RunPoint]]) -> list[Measure]:
    """Measures that some point has; λ₁ of H alone where it is not what steps see."""
    found = [m for m in MEASURES if any(_known(p, m.name) for run in runs for p in run)]
    same = all(_alike(p.sharpness, p.lambda_max) for run in runs for p in run)
    drawn = any(m.name == "sharpness" for m in found)
    return [m for m in found if not (m.name == "lambda_max" and same and drawn)]


def run_figure(names: Sequence[str], runs: Sequence[Sequence[RunPoint]]) -> go.Figure:
    """A row a measure over the steps of the runs; the edge of stability as a dotted line."""
    measures = shown(runs)
    figure = go.Figure()
    height = HEAD + FOOT + len(measures) * (ROW + BETWEEN) - BETWEEN
    inside = height - HEAD - FOOT
    for place, measure in enumerate(measures):
        axis = "" if place == 0 else str(place + 1)
        top = 1 - place * (ROW + BETWEEN) / inside
        values = list(_values(runs, measure))
        figure.update_layout(
            {
                f"yaxis{axis}": {
                    "domain": [max(top - ROW / inside, 0), top],
                    **_axis(measure, values),
                }
            }
        )
        figure.add_annotation(_title(measure.words, top))
        for which, (name, points) in enumerate(zip(names, runs, strict=True)):
            figure.add_traces(_lines(name, points, measure, axis, which, first=place == 0))
    last = "" if len(measures) <= 1 else str(len(measures))
    figure.update_xaxes(anchor=f"y{last}", title={"text": "step"}, rangemode="tozero")
    tokens = {f"annotations.{i}.font.color": "muted" for i in range(len(measures))}
    figure.update_layout(meta={"tokens": tokens})
    margin = {"l": 62, "r": 16, "t": HEAD, "b": FOOT}
    return styled(figure, height=max(height, 200), margin=margin, showlegend=True)


def _alike(one: float | None, other: float | None) -> bool:
    """To a few per cent, which no axis shows."""
    return one is None or other is None or abs(one - other) <= ALIKE * abs(other)


def _known(point: RunPoint, name: str) -> bool:
    value = getattr(point, name)
    return value is not None and math.isfinite(value)


def _values(runs: Sequence[Sequence[RunPoint]], measure: Measure) -> Any:
    for name in (measure.name, measure.beside):
        if name:
            yield from (getattr(p, name) for run in runs for p in run if _known(p, name))


def _axis(measure: Measure, values: list[float]) -> dict[str, Any]:
    if values and min(values) > 0 and max(values) > DECADES * min(values):
        return {**log_axis("", values), "title": None}
    return {"title": None, "nticks": 5, "rangemode": "tozero" if measure.from_zero else "normal"}


def _title(words: str, top: float) -> dict[str, Any]:
    return {
        "text": words,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12},
    }


def _lines(
    run: str, points: Sequence[RunPoint], measure: Measure, axis: str, which: int, *, first: bool
) -> list[go.Scatter]:
    token, dash = STYLES[which]
    found = [_line(run, points, measure, token, dash, axis)]
    found[0].update(showlegend=first, name=run if first else f"{run}, {measure.words}")
    if measure.beside:
        found.append(_limit(run, points, measure.beside, token, axis))
    return [each for each in found if len(each.x)]


def _line(
    run: str, points: Sequence[RunPoint], measure: Measure, token: str, dash: str, axis: str
) -> go.Scatter:
    drawn = [p for p in points if _known(p, measure.name)]
    return go.Scatter(
        x=[p.step for p in drawn],
        y=[getattr(p, measure.name) for p in drawn],
        error_y=_bars(drawn, measure),
        yaxis=f"y{axis}",
        mode="lines+markers",
        line={"width": 1.8, "dash": dash},
        marker={"size": 5},
        legendgroup=run,
        hovertemplate=f"{run}, step %{{x:,}}<br>{measure.words} %{{y:.4g}}<extra></extra>",
        **marked(Role.TRACKED, line__color=token, marker__color=token, error_y__color=token),
    )


def _bars(points: Sequence[RunPoint], measure: Measure) -> dict[str, Any] | None:
    """One standard error both ways, or down to the least value."""
    thin = {"thickness": 1, "width": 2}
    if measure.error:
        return {"array": [getattr(p, measure.error) or 0.0 for p in points], **thin}
    if not measure.least:
        return None
    below = [
        max(getattr(p, measure.name) - getattr(p, measure.least), 0.0)
        if _known(p, measure.least)
        else 0.0
        for p in points
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0] * len(below),
        "arrayminus": below,
    } | thin


def _limit(run: str, points: Sequence[RunPoint], name: str, token: str, axis: str) -> go.Scatter:
    drawn = [p for p in points if _known(p, name)]
    words = next((p.limit_words for p in drawn), "")
    return go.Scatter(
        x=[p.step for p in drawn],
        y=[getattr(p, name) for p in drawn],
        yaxis=f"y{axis}",
        mode="lines",
        line={"width": 1.4, "dash": "dot"},
        legendgroup=run,
        name=f"{run}: {words}",
        hovertemplate=f"{run}, step %{{x:,}}<br>{words} = %{{y:.4g}}<extra></extra>",
        **marked(Role.LIMIT, line__color=LIMITS[token]),
    )
