"""Overlaps: alignment of every training point with v₁..v_k, class means thick."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import Arrays, kinds
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled


def overlaps_figure(arrays: Arrays) -> go.Figure:
    """One thin line per example (k vertices), one thick line with markers per class mean.

    Of many classes the means are those of the points that are right and wrong.
    """
    alignment = np.asarray(arrays["alignment"])
    count = len(alignment)
    rank = np.append(np.arange(1, count + 1, dtype=np.float32), np.nan)
    figure = go.Figure()
    apart = kinds(arrays)
    for kind in apart:
        rows = kind.rows
        lines = np.full((len(rows), count + 1), np.nan, dtype=np.float32)
        lines[:, :count] = alignment[:, rows].T
        figure.add_scatter(
            x=np.tile(rank, len(rows)),
            y=lines.ravel(),
            mode="lines",
            line={"width": 0.7, "color": kind.colour},
            opacity=0.3,
            hoverinfo="skip",
            showlegend=False,
            legendgroup=kind.name,
            name=kind.name,
            **marked(Role.POINT_LINES),
        )
    for kind in apart:
        figure.add_scatter(
            x=np.arange(1, count + 1),
            y=alignment[:, kind.rows].mean(axis=1),
            mode="lines+markers",
            line={"width": 3, "color": kind.colour},
            marker={
                "size": 10,
                "symbol": kind.symbol,
                "color": kind.colour,
                "line": {"width": 1.5},
            },
            legendgroup=kind.name,
            name=f"{kind.name}, mean of {len(kind.rows)}",
            hovertemplate="v<sub>%{x}</sub> mean alignment %{y:.3f}<extra></extra>",
            **marked(Role.CLASS_MEAN, marker__line__color="casing"),
        )
    figure.update_xaxes(title="eigenvector", dtick=1, range=[0.7, count + 0.3], tickprefix="v")
    figure.update_yaxes(
        title="alignment A<sub>k</sub>(x<sub>i</sub>)", range=[-1.04, 1.04], dtick=0.5
    )
    return styled(figure, height=420)
