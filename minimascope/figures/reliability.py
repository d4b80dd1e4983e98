"""Reliability diagram: accuracy against confidence, on training and leave-one-out logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled


def _bins(bins: NDArray[Any], name: str, symbol: str, token: str, dash: str) -> go.Scatter:
    count, confidence, accuracy = bins[:, 0], bins[:, 1], bins[:, 2]
    rows = count > 0
    colours = {"line__color": token, "marker__color": token, "marker__line__color": "page"}
    share = np.sqrt(count[rows] / max(float(count.max()), 1.0))
    return go.Scatter(
        x=confidence[rows],
        y=accuracy[rows],
        mode="lines+markers",
        name=name,
        line={"width": 1.2, "dash": dash},
        marker={"size": 6 + 14 * share, "symbol": symbol, "line": {"width": 1.5}},
        customdata=count[rows],
        hovertemplate=f"{name}: %{{customdata:.0f}} points<br>confidence %{{x:.3f}}"
        "<br>accuracy %{y:.3f}<extra></extra>",
        cliponaxis=False,
        **marked(Role.CALIBRATION, **colours),
    )


def reliability_figure(arrays: Arrays) -> go.Figure:
    """15 bins (count, mean confidence, accuracy); marker area grows with the count."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"width": 1, "dash": "dot"},
        name="perfectly calibrated",
        hoverinfo="skip",
        **marked(Role.DIAGONAL, line__color="muted"),
    )
    if "calibration" in arrays:
        bins = np.asarray(arrays["calibration"], dtype=np.float64)
        figure.add_trace(_bins(bins, "training", "circle", "accent", "solid"))
    if "calibration_alo" in arrays:
        bins = np.asarray(arrays["calibration_alo"], dtype=np.float64)
        figure.add_trace(_bins(bins, "leave-one-out", "square", "red", "dash"))
    figure.update_xaxes(title="mean confidence", range=[0, 1.02], dtick=0.2, constrain="domain")
    figure.update_yaxes(
        title="accuracy", range=[0, 1.02], dtick=0.2, scaleanchor="x", constrain="domain"
    )
    return styled(figure, height=480)
