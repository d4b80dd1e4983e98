"""Margins: certified distances to the boundary, stacked by class, and the eigenvector estimates."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import Margins
from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import CLASS_PATTERNS, class_colour, styled

BINS = 32


def _pattern(label: int) -> str:
    """Shifted by one where the colours begin again, so that no two of 49 classes look alike."""
    return CLASS_PATTERNS[(label + label // 7) % 7]


def margins_figure(margins: Margins, arrays: Arrays) -> go.Figure:
    """Histogram of `margins` (n,) on shared bins; NaN (no boundary found) is left out."""
    values, labels = np.asarray(arrays["margins"], dtype=np.float64), np.asarray(arrays["labels"])
    finite = np.isfinite(values)
    high = float(values[finite].max(initial=1.0)) * 1.0001
    edges = np.linspace(0.0, high, BINS + 1)
    centres, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    figure = go.Figure()
    for label in np.unique(labels):
        counts, _ = np.histogram(values[finite & (labels == label)], bins=edges)
        figure.add_bar(
            x=centres,
            y=counts,
            width=width,
            name=f"class {label}",
            marker={
                "color": class_colour(int(label)),
                "line": {"width": 1},
                "pattern": {
                    "shape": _pattern(int(label)),
                    "size": 6,
                    "solidity": 0.25,
                },
            },
            hovertemplate=f"class {label}: %{{y}} points near %{{x:.3f}}<extra></extra>",
            **marked(Role.MARGIN_COUNTS, marker__line__color="page"),
        )
    known = [m for m in margins.eigenvector if m.estimate is not None and m.estimate <= high]
    if known:
        figure.add_scatter(
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
    figure.update_xaxes(
        title="ℓ₂ distance to the boundary (certified upper bound)", rangemode="tozero"
    )
    figure.update_yaxes(title="training points")
    return styled(figure, height=420, barmode="stack", bargap=0)
