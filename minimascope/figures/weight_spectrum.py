"""Singular values of one weight: their density, a random matrix of the same median, a power law."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.weights import PowerLawFit, RandomMatrix, SingularValues
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled
from minimascope.weight_matrices import random_matrix

POINTS = 120


def weight_figure(
    values: SingularValues,
    matrix: list[int],
    *,
    random: RandomMatrix | None = None,
    law: PowerLawFit | None = None,
) -> go.Figure:
    """Share of singular values per decade of σ² (log), the edge of a random matrix upright.

    Where only the largest are known they are drawn as points on the axis.
    """
    figure = go.Figure()
    own = _steps(values) if values.counts else _points(values)
    figure.add_trace(own)
    heights = [y for y in np.asarray(own.y, dtype=float) if y > 0]
    floor, top = (min(heights) / 3, max(heights) * 3) if heights else (0.1, 1.0)
    if random is not None:
        figure.add_traces([_bulk(random, matrix, floor), _edge(random, floor, top)])
    if law is not None:
        figure.add_trace(_law(law, values))
    squares = [10.0**edge for edge in values.edges] or [v**2 for v in values.largest]
    figure.update_layout(
        xaxis=log_axis("squared singular value σ²", squares),
        yaxis={
            **log_axis("share per decade", [floor, top]),
            "range": [float(np.log10(floor)), float(np.log10(top))],
        },
    )
    return styled(figure, height=300, margin={"l": 58, "r": 14, "t": 30, "b": 42})


def _steps(values: SingularValues) -> go.Scatter:
    """The histogram as one line; bins without a value break it."""
    edges, counts = np.array(values.edges), np.array(values.counts, dtype=float)
    heights = counts / counts.sum() / np.diff(edges)
    x = 10.0 ** np.repeat(edges, 2)[1:-1]
    y = np.repeat(np.where(counts > 0, heights, np.nan), 2)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name="this weight",
        line={"width": 1.8},
        hovertemplate="σ² %{x:.3g}<br>%{y:.3g} per decade<extra></extra>",
        **marked(Role.SINGULAR_VALUES, line__color="accent"),
    )


def _points(values: SingularValues) -> go.Scatter:
    squares = np.array(values.largest) ** 2
    return go.Scatter(
        x=squares,
        y=np.ones(len(squares)),
        mode="markers",
        name="largest",
        marker={"size": 7},
        hovertemplate="σ² %{x:.4g}<extra></extra>",
        **marked(Role.SINGULAR_VALUES, marker__color="accent"),
    )


def _bulk(random: RandomMatrix, matrix: list[int], floor: float) -> go.Scatter:
    found = random_matrix.Bulk(random.sigma, random.lower, random.edge, random.spikes)
    logs, density = random_matrix.density(found, *matrix)
    kept = np.flatnonzero(density > floor)
    thinned = kept[np.unique(np.linspace(0, len(kept) - 1, POINTS).astype(int))]
    return go.Scatter(
        x=10.0 ** logs[thinned],
        y=density[thinned],
        mode="lines",
        name="random matrix",
        line={"width": 1.3, "dash": "dash"},
        hoverinfo="skip",
        **marked(Role.RANDOM_MATRIX, line__color="muted"),
    )


def _edge(random: RandomMatrix, floor: float, top: float) -> go.Scatter:
    return go.Scatter(
        x=[random.edge**2] * 2,
        y=[floor, top],
        mode="lines",
        name=f"its edge, {random.spikes} beyond",
        line={"width": 1.3, "dash": "dot"},
        hovertemplate="edge σ² %{x:.3g}<extra></extra>",
        **marked(Role.RANDOM_EDGE, line__color="ink"),
    )


def _law(law: PowerLawFit, values: SingularValues) -> go.Scatter:
    """Per decade of σ², as the histogram is: the tail's share of all values times the law."""
    x = np.geomspace(law.smallest, max(values.largest[0] ** 2, law.smallest * 1.01), POINTS)
    share = law.tail / max(sum(values.counts), 1)
    y = share * (law.alpha - 1) * np.log(10) * (x / law.smallest) ** (1 - law.alpha)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=f"power law, α {law.alpha:.2f}",
        line={"width": 1.6},
        hoverinfo="skip",
        **marked(Role.POWER_LAW, line__color="red"),
    )
