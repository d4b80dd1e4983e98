"""G(ε): the share of all eigenvectors that some training point aligns with above ε."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import Boundary
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled


def g_figure(boundary: Boundary) -> go.Figure:
    """G over ε on log axes, the chosen ε marked with its spread over random vectors."""
    curve, chosen = boundary.g_curve, boundary.epsilon
    epsilon, g = np.array(curve.epsilon), np.array(curve.g)
    drawn = (epsilon > 0) & (g > 0)
    figure = go.Figure()
    figure.add_scatter(
        x=epsilon[drawn],
        y=g[drawn],
        mode="lines",
        line={"width": 2.2, "shape": "hv"},
        name="G(ε)",
        showlegend=False,
        customdata=np.array(curve.count)[drawn],
        hovertemplate="ε %{x:.3g}<br>G %{y:.3g}, %{customdata} vectors<extra></extra>",
        **marked(Role.COMPLEXITY, line__color="accent"),
    )
    figure.add_scatter(
        x=[chosen.value],
        y=[boundary.g_at_epsilon],
        error_x=None if chosen.spread is None else {"array": [chosen.spread], "thickness": 1.5},
        mode="markers+text",
        text=[f"ε = {chosen.value:.3g}"],
        textposition="top right",
        cliponaxis=False,
        marker={"size": 10, "symbol": "diamond", "line": {"width": 1.5}},
        name="ε used",
        showlegend=False,
        hovertemplate="ε %{x:.3g}<br>G %{y:.4g}<extra></extra>",
        **marked(Role.CHOSEN_EPSILON, marker__color="red", marker__line__color="page"),
    )
    figure.update_xaxes(log_axis("ε", epsilon[drawn]))
    figure.update_yaxes(log_axis("G(ε)", g[drawn]))
    return styled(figure, height=420)
