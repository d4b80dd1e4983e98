"""A language model in curves: loss by position, flips along eigenvectors, sequences embedded."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import DASHES, class_colour, styled


def positions_figure(arrays: Arrays) -> go.Figure:
    """Mean loss of each position ± one standard error; needs `position_loss` (T × 3)."""
    mean, error, count = np.asarray(arrays["position_loss"], dtype=np.float64).T
    at = np.flatnonzero(count > 0)
    mean, error, count = mean[at], np.nan_to_num(error[at]), count[at]
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([at, at[::-1]]),
        y=np.concatenate([mean - error, (mean + error)[::-1]]),
        mode="lines",
        fill="toself",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
        name="± one standard error",
        **marked(Role.BAND, fillcolor="band"),
    )
    figure.add_scatter(
        x=at,
        y=mean,
        mode="lines+markers",
        line={"width": 2},
        marker={"size": 4},
        name="loss",
        showlegend=False,
        customdata=np.column_stack([error, count]),
        hovertemplate="position %{x}<br>loss %{y:.3g} ± %{customdata[0]:.2g} nats"
        "<br>%{customdata[1]:.0f} labels<extra></extra>",
        **marked(Role.POSITIONS, line__color="accent", marker__color="accent"),
    )
    figure.update_xaxes(title="position in the sequence")
    figure.update_yaxes(title="mean loss, nats", rangemode="tozero")
    return styled(figure, height=360)


def flips_figure(arrays: Arrays) -> go.Figure:
    """Share of tokens whose likeliest one is another at θ + ε v_k, a line a vector; needs
    `walk_epsilon` and `token_flipped` (w × e)."""
    epsilon, flipped = (np.asarray(arrays[each]) for each in ("walk_epsilon", "token_flipped"))
    figure = go.Figure()
    for k, (x, y) in enumerate(zip(epsilon, flipped, strict=True)):
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=f"v<sub>{k + 1}</sub>",
            line={"width": 2, "dash": DASHES[k % len(DASHES)], "color": class_colour(k)},
            hovertemplate=f"v<sub>{k + 1}</sub>, ε %{{x:.3g}}<br>%{{y:.1%}} of tokens flip"
            "<extra></extra>",
            **marked(Role.FLIPS, more={"vector": k + 1}),
        )
    figure.update_xaxes(title="ε along the eigenvector")
    figure.update_yaxes(title="tokens that flip", tickformat=".0%", rangemode="tozero")
    return styled(figure, height=360)


def sequences_figure(arrays: Arrays) -> go.Figure:
    """Every sequence by the first two principal components of what the last layer is given,
    coloured by its loss a token; needs `points` (n × 2) and `sequence_loss` (n)."""
    points, loss = np.asarray(arrays["points"]), np.asarray(arrays["sequence_loss"])
    known = loss[np.isfinite(loss)]
    figure = go.Figure(
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name="sequences",
            marker={
                "size": 9,
                "color": loss,
                "colorscale": "Cividis",
                "cmin": float(known.min()) if known.size else 0.0,
                "cmax": float(known.max()) if known.size else 1.0,
                "line": {"width": 0.8},
                "colorbar": {"thickness": 9, "outlinewidth": 0, "title": {"text": "nats a token"}},
            },
            customdata=np.column_stack([np.arange(len(points)), loss]),
            hovertemplate="sequence %{customdata[0]}<br>%{customdata[1]:.3g} nats a token"
            "<extra></extra>",
            **marked(Role.POINTS, marker__line__color="page"),
        )
    )
    figure.update_xaxes(title="first principal direction of hidden states")
    figure.update_yaxes(title="second")
    return styled(figure, height=460)
