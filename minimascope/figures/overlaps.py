"""Overlaps: alignment of every training point with v₁..v_k, class means thick."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import MANY_CLASSES, class_colour, class_symbol, styled


def overlaps_figure(arrays: Arrays) -> go.Figure:
    """One thin line per example (k vertices), one thick line with markers per class mean."""
    alignment, labels = np.asarray(arrays["alignment"]), np.asarray(arrays["labels"])
    count = len(alignment)
    rank = np.append(np.arange(1, count + 1, dtype=np.float32), np.nan)
    figure = go.Figure()
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        lines = np.full((len(rows), count + 1), np.nan, dtype=np.float32)
        lines[:, :count] = alignment[:, rows].T
        figure.add_scatter(
            x=np.tile(rank, len(rows)),
            y=lines.ravel(),
            mode="lines",
            line={"width": 0.7, "color": class_colour(int(label))},
            opacity=0.3,
            hoverinfo="skip",
            showlegend=False,
            legendgroup=str(label),
            name=f"class {label}",
            **marked(Role.POINT_LINES),
        )
    for label in np.unique(labels):
        figure.add_scatter(
            x=np.arange(1, count + 1),
            y=alignment[:, labels == label].mean(axis=1),
            mode="lines+markers",
            line={"width": 3, "color": class_colour(int(label))},
            marker={
                "size": 10,
                "symbol": class_symbol(int(label)),
                "color": class_colour(int(label)),
                "line": {"width": 1.5},
            },
            legendgroup=str(label),
            showlegend=len(np.unique(labels)) <= MANY_CLASSES,
            name=f"class {label}, mean of {int((labels == label).sum())}",
            hovertemplate="v<sub>%{x}</sub> mean alignment %{y:.3f}<extra></extra>",
            **marked(Role.CLASS_MEAN, marker__line__color="casing"),
        )
    figure.update_xaxes(title="eigenvector", dtick=1, range=[0.7, count + 0.3], tickprefix="v")
    figure.update_yaxes(
        title="alignment A<sub>k</sub>(x<sub>i</sub>)", range=[-1.04, 1.04], dtick=0.5
    )
    return styled(figure, height=420)
