"""Loss over accuracy on the straight line between two minima, bands of one standard error.

Beside them the decision regions at a place on the line, where they were drawn.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.questions.interpolations import (
    Curve,
    InterpolationCurve,
    LineFilm,
    SplitCurve,
)
from minimascope.figures.plane import Arrays, class_field, class_points
from minimascope.figures.roles import Role, marked
from minimascope.figures.symlog import Floats
from minimascope.figures.theme import styled
from minimascope.figures.walk import moving_boundary

# split, words, dash, token of the line
SPLITS = (("train", "training", "solid", "accent"), ("test", "test", "dash", "ink"))
HEADROOM = 1.6  # of the highest loss between the ends
TICKS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


def _floats(values: Curve) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _pair(
    alpha: Floats, split: SplitCurve, measure: str, *, words: str, dash: str, token: str
) -> list[go.Scatter]:
    """The line with its standard errors as `customdata`, over their band."""
    given = getattr(split, measure)
    if given is None:
        return []
    values, error = _floats(given), _floats(getattr(split, f"{measure}_standard_error"))
    axis, said = ("y", "%{y:.4g} nats") if measure == "loss" else ("y2", "%{y:.1%}")
    spread = "%{customdata:.2g}" if measure == "loss" else "%{customdata:.1%}"
    known = np.isfinite(values) & np.isfinite(error)
    band = go.Scatter(
        x=np.concatenate([alpha[known], alpha[known][::-1]]),
        y=np.concatenate([(values + error)[known], (values - error)[known][::-1]]),
        yaxis=axis,
        fill="toself",
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        name=f"{words} {measure} ± s.e. over examples",
        **marked(Role.BAND, fillcolor="band"),
    )
    line = go.Scatter(
        x=alpha,
        y=values,
        customdata=error,
        yaxis=axis,
        mode="lines",
        line={"width": 2, "dash": dash},
        name=f"{words} {measure}" if measure == "accuracy" else words,
        showlegend=measure == "loss",
        legendgroup=words,
        hovertemplate=f"{words}, α %{{x:.2f}}<br>{measure} {said} ± {spread}<extra></extra>",
        **marked(Role.LINE, line__color=token),
    )
    return [band, line]


def _plane(film: LineFilm, arrays: Arrays) -> list[Any]:
    """Regions and boundary at α (filled in the browser), the training points of the first."""
    pictures = [np.frombuffer(base64.b64decode(each), dtype=np.uint8) for each in film.classes]
    classes = np.stack(pictures).astype(np.int16).reshape(-1, film.side, film.side)
    x, y = (np.linspace(ends[0], ends[1], film.side) for ends in (film.x, film.y))
    where: dict[str, Any] = {"xaxis": "x3", "yaxis": "y3"}
    regions = class_field(classes, x, y, role=Role.WALKED_REGIONS, name="regions at α", **where)
    quiet = {**where, "showlegend": False}
    points = class_points(arrays, size=5, **quiet) if {"points", "labels"} <= set(arrays) else []
    return [regions, moving_boundary("boundary at α", **quiet), *points]


def interpolation_figure(
    curve: InterpolationCurve, ends: tuple[str, str], arrays: Arrays | None = None
) -> go.Figure:
    """Loss over α and, for classifiers, accuracy below it; `ends` name α = 0 and α = 1.

    On the left the plane, where the curve has a film; `arrays` are those of the first minimum.
    """
    alpha = np.array(curve.alpha)
    film = curve.film
    traces: list[Any] = [] if film is None else _plane(film, arrays or {})
    for name, words, dash, token in SPLITS:
        split = getattr(curve, name)
        for measure in ("loss", "accuracy") if split is not None else ():
            traces += _pair(alpha, split, measure, words=words, dash=dash, token=token)
    figure = go.Figure(traces)
    # Beyond the ends a loss soon grows by orders: the frame is for what lies between them.
    between = (alpha >= 0) & (alpha <= 1)
    splits = [s for s in (curve.train, curve.test) if s is not None]
    highest = max(float(np.nanmax(_floats(s.loss)[between], initial=0.0)) for s in splits)
    accuracy = curve.train.accuracy is not None
    names = {0.0: f"0: {ends[0]}", 1.0: f"1: {ends[1]}"}
    marks: list[dict[str, Any]] = [
        {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1} for at in (0, 1)
    ]
    figure.update_layout(
        shapes=[{**mark, "line": {"width": 1, "dash": "dot"}} for mark in marks],
        meta={"tokens": {f"shapes.{i}.line.color": "muted" for i in range(2)}},
        xaxis={
            "domain": [0 if film is None else 0.5, 1],
            "anchor": "y2" if accuracy else "y",
            "range": [alpha[0], alpha[-1]],
            "tickvals": TICKS,
            "ticktext": [names.get(at, f"{at:g}".replace("-", "−")) for at in TICKS],
            "title": {"text": "α"},
        },
        yaxis={
            "domain": [0.46 if accuracy else 0, 1],
            "title": {"text": "loss, nats"},
            "range": [0, HEADROOM * highest or 1],
        },
    )
    if accuracy:
        figure.update_layout(
            yaxis2={"domain": [0, 0.38], "title": {"text": "accuracy"}, "tickformat": ".0%"}
        )
    if film is not None:
        figure.update_layout(
            xaxis3={"domain": [0, 0.42], "anchor": "y3", "range": film.x, "constrain": "domain"},
            yaxis3={"anchor": "x3", "range": film.y, "scaleanchor": "x3", "constrain": "domain"},
        )
    return styled(figure, height=420, margin={"l": 58, "r": 24, "t": 30, "b": 44})
