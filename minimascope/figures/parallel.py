"""Parallel coordinates: every measure of every compared minimum on its own axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.filmstrip import power_text
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import DASHES, class_colour, class_symbol, styled

LEGIBLE = 6  # entries a legend above the plot holds; more are named where one points
LINE = 11  # letters an axis's words have beside each other


def wrapped(words: str) -> list[str]:
    """Words in lines short enough to stand upright under their own axis."""
    lines: list[str] = []
    for word in words.split():
        if lines and len(lines[-1]) + 1 + len(word) <= LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def parallel_figure(
    names: Sequence[str], measures: Mapping[str, Sequence[float | None]]
) -> go.Figure:
    """One line a minimum over `measures` (words → one value a minimum), each scaled to [0, 1].

    Under each axis stands its smallest value, above it its largest; gaps are absent values.
    """
    figure = go.Figure()
    words = list(measures)
    values = np.array(
        [[np.nan if v is None else v for v in measures[w]] for w in words], dtype=np.float64
    ).reshape(len(words), len(names))
    kept = np.flatnonzero(np.isfinite(values).any(axis=1))
    words, values = [words[row] for row in kept], values[kept]
    low = np.nanmin(values, axis=1, initial=np.inf)
    high = np.nanmax(values, axis=1, initial=-np.inf)
    span = np.where(high > low, high - low, 1.0)
    scaled = np.where((high > low)[:, None], (values - low[:, None]) / span[:, None], 0.5)
    for index, name in enumerate(names):
        figure.add_scatter(
            x=np.arange(len(words)),
            y=np.where(np.isfinite(values[:, index]), scaled[:, index], np.nan),
            mode="lines+markers",
            name=name,
            line={"width": 2, "dash": DASHES[index % 5], "color": class_colour(index)},
            marker={"size": 9, "symbol": class_symbol(index), "line": {"width": 1.2}},
            customdata=values[:, index],
            hovertemplate=f"{name}<br>%{{customdata:.4g}}<extra></extra>",
            **marked(Role.MINIMUM, marker__line__color="page"),
        )
    labels = [
        f"{power_text(float(v))}<br>{'<br>'.join(wrapped(w))}"
        for v, w in zip(low, words, strict=True)
    ]
    figure.update_xaxes(
        tickvals=list(range(len(words))),
        ticktext=labels,
        tickangle=0,
        range=[-0.5, len(words) - 0.5],
    )
    figure.update_yaxes(range=[-0.06, 1.14], showticklabels=False, showgrid=False)
    for place, value in enumerate(high):
        figure.add_annotation(
            x=place, y=1.03, yanchor="bottom", text=power_text(float(value)), showarrow=False
        )
    styled(
        figure,
        height=380,
        showlegend=len(names) <= LEGIBLE,
        margin={"l": 4, "r": 4, "t": 40, "b": 88},
    )
    figure.update_yaxes(ticks="", showline=False)
    return figure
