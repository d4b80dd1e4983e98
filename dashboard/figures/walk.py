"""Walk: training loss and accuracy along θ + ε v_k."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.plane import Arrays
from dashboard.figures.theme import DASHES, class_colour, styled, tokens

DRAWN = 5


def walk_figure(arrays: Arrays) -> go.Figure:
    """Loss along the first five eigenvectors; needs `walk_epsilon`, `walk_loss`."""
    epsilon, loss = np.asarray(arrays["walk_epsilon"]), np.asarray(arrays["walk_loss"])
    figure = go.Figure()
    for k in range(min(DRAWN, len(loss))):
        figure.add_scatter(
            x=epsilon,
            y=loss[k],
            mode="lines",
            name=f"v<sub>{k + 1}</sub>",
            line={"width": 2, "dash": DASHES[k % len(DASHES)], "color": class_colour(k)},
            hovertemplate=f"v<sub>{k + 1}</sub> ε %{{x:.3g}}"
            "<br>loss %{y:.4g} nats<extra></extra>",
        )
    figure.add_vline(x=0, line={"width": 1})
    figure.update_layout(meta=tokens(**{"shapes.0.line.color": "muted"})["meta"])
    figure.update_xaxes(title="ε along the eigenvector")
    figure.update_yaxes(title="training loss, nats")
    return styled(figure, height=420)
