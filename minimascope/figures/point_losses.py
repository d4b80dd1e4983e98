"""Data: what each training point costs, and what it would cost had it been left out."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.log_ticks import log_axis
from minimascope.figures.plane import Arrays, Kind, class_words, kinds
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import class_colour, class_symbol, styled

LEAST = 1e-8  # nats; what is smaller is drawn here, its own value is in the table


def losses_figure(arrays: Arrays) -> go.Figure:
    """Leave-one-out loss over training loss (`alo_loss`, `train_loss`, n each), a shape a class.

    Without `labels` the examples are sequences of tokens.

    The further above the diagonal, the more the network leans on having seen that very point.
    """
    x, y = (np.asarray(arrays[name], dtype=np.float64) for name in ("train_loss", "alo_loss"))
    labelled = "labels" in arrays
    labels = np.asarray(arrays["labels"]) if labelled else np.zeros(len(x), dtype=np.int64)
    figure = go.Figure()
    shown = [np.maximum(np.nan_to_num(v, nan=LEAST), LEAST) for v in (x, y)]
    ends = [float(min(v.min() for v in shown)), float(max(v.max() for v in shown))]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"width": 1, "dash": "dot"},
        name="no difference",
        hoverinfo="skip",
        **marked(Role.DIAGONAL, line__color="muted"),
    )
    sequences = Kind(np.arange(len(x)), "sequences", class_symbol(0), class_colour(0))
    for kind in kinds(arrays) if labelled else [sequences]:
        rows = kind.rows
        figure.add_scatter(
            x=shown[0][rows],
            y=shown[1][rows],
            mode="markers",
            name=kind.name,
            text=None if kind.one_class else class_words(kind, labels),
            marker={
                "symbol": kind.symbol,
                "color": kind.colour,
                "size": 8,
                "line": {"width": 0.8},
            },
            customdata=np.column_stack([rows, x[rows], y[rows]]),
            hovertemplate=(
                f"point %{{customdata[0]}}, {kind.name}{kind.more}"
                if labelled
                else "sequence %{customdata[0]}"
            )
            + "<br>training loss %{customdata[1]:.3g}"
            "<br>left out %{customdata[2]:.3g}<extra></extra>",
            **marked(Role.POINTS, marker__line__color="page"),
        )
    figure.update_xaxes(log_axis("training loss, nats", shown[0]))
    figure.update_yaxes(log_axis("leave-one-out loss, nats", shown[1]))
    return styled(figure, height=460)
