"""Walk: boundary, training loss and accuracy along θ + ε v_k."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import HAIRLINE, Arrays, class_field, class_points, has_many
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import DASHES, class_colour, styled

NEEDED = ("walk_epsilon", "walk_loss")
PLANE = ("walk_class", "walk_x", "walk_y", "points", "labels")
DRAWN = 5


def has_walk(arrays: Arrays) -> bool:
    """Whether there is a walk to draw."""
    return all(name in arrays for name in NEEDED)


def _curves(arrays: Arrays) -> list[go.Scatter]:
    epsilon = np.asarray(arrays["walk_epsilon"])
    drawn = [("walk_loss", "loss", "y", "%{y:.4g} nats")]
    if "walk_accuracy" in arrays:
        drawn.append(("walk_accuracy", "accuracy", "y2", "%{y:.1%}"))
    return [
        go.Scatter(
            x=epsilon[k],
            y=values,
            yaxis=axis,
            mode="lines",
            name=f"v<sub>{k + 1}</sub>",
            legendgroup=f"v{k + 1}",
            showlegend=words == "loss",
            line={"width": 2, "dash": DASHES[k % len(DASHES)], "color": class_colour(k)},
            hovertemplate=f"v<sub>{k + 1}</sub>, ε %{{x:.3g}}<br>{words} {said}<extra></extra>",
            error_y=_error_bars(arrays, f"{array}_error", k),
            **marked(Role.WALK, more={"vector": k + 1}),
        )
        for array, words, axis, said in drawn
        for k, values in enumerate(np.asarray(arrays[array])[:DRAWN])
    ]


def _error_bars(arrays: Arrays, name: str, k: int) -> dict[str, Any] | None:
    """Where a sample of the points was walked over."""
    if name not in arrays:
        return None
    error = np.asarray(arrays[name])[k]
    return {"type": "data", "array": error, "thickness": 1, "width": 0}


def _plane(arrays: Arrays) -> list[Any]:
    """Regions and boundary at ε (filled in the browser), the boundary at 0, the points."""
    where: dict[str, Any] = {"xaxis": "x3", "yaxis": "y3", "showlegend": False}
    x, y = np.asarray(arrays["walk_x"]), np.asarray(arrays["walk_y"])
    classes = np.asarray(arrays["walk_class"])  # one map; the browser puts the chosen in its place
    drawn = {"xaxis": "x3", "yaxis": "y3", "name": "regions at ε"}
    regions = class_field(classes, x, y, role=Role.WALKED_REGIONS, **drawn)
    traces: list[Any] = [regions]
    if "slice_boundary" in arrays:
        line = np.asarray(arrays["slice_boundary"], dtype=np.float32)
        traces.append(
            go.Scatter(
                x=line[:, 0],
                y=line[:, 1],
                mode="lines",
                line={"width": 1.5, "dash": "dot"},
                name="boundary at ε = 0",
                hoverinfo="skip",
                **{**where, "showlegend": True},
                **marked(Role.BOUNDARY, line__color="muted"),
            )
        )
    traces.append(moving_boundary("boundary at ε", fine=has_many(arrays), **where))
    return [*traces, *class_points(arrays, size=5, **where)]


def moving_boundary(name: str, *, fine: bool = False, **where: Any) -> go.Scatter:
    """A line that the browser fills in for the chosen place; `fine` between many classes."""
    return go.Scatter(
        x=[],
        y=[],
        mode="lines",
        line={"width": HAIRLINE if fine else 2.5},
        name=name,
        hoverinfo="skip",
        **{**where, "showlegend": True},
        **marked(Role.WALKED_BOUNDARY, line__color="ink"),
    )


def walk_figure(arrays: Arrays) -> go.Figure:
    """The plane on the left where inputs are 2-D, loss over accuracy on the right.

    Needs `walk_epsilon` and `walk_loss` (w, e); the browser fills in the boundary at ε.
    """
    plane = all(name in arrays for name in PLANE)
    left = 0.58 if plane else 0.0
    figure = go.Figure([*(_plane(arrays) if plane else []), *_curves(arrays)])
    accuracy = "walk_accuracy" in arrays
    figure.update_layout(
        xaxis={
            "domain": [left, 1],
            "anchor": "y2" if accuracy else "y",
            "title": {"text": "ε along the eigenvector"},
        },
        yaxis={"domain": [0.52 if accuracy else 0, 1], "title": {"text": "loss, nats"}},
        yaxis2={"domain": [0, 0.44], "title": {"text": "accuracy"}, "tickformat": ".0%"},
    )
    if plane:
        x, y = np.asarray(arrays["walk_x"]), np.asarray(arrays["walk_y"])
        figure.update_layout(
            xaxis3={"domain": [0, 0.48], "anchor": "y3", "range": [x[0], x[-1]]},
            yaxis3={"anchor": "x3", "range": [y[0], y[-1]], "title": {"text": "x₂"}},
        )
        figure.update_layout(xaxis3={"title": {"text": "x₁"}, "constrain": "domain"})
        figure.update_layout(yaxis3={"scaleanchor": "x3", "constrain": "domain"})
    return styled(figure, height=440, margin={"l": 46, "r": 12, "t": 10, "b": 44})
