"""One picture of the film of a run: decision regions at a step, with the sample's points."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.boundary_map import INPUT_AXES, PRINCIPAL_AXES
from minimascope.figures.plane import Arrays, class_points, regions
from minimascope.figures.theme import styled

FILM = ("slice_x", "slice_y", "slice_class", "points", "labels")
HEIGHT = 420


def has_film(arrays: list[str]) -> bool:
    """Whether these arrays of a report make a picture."""
    return all(name in arrays for name in FILM)


def film_picture(arrays: Arrays, *, planar: bool) -> go.Figure:
    """Needs the arrays `FILM`; planar: the plane is that of the inputs themselves."""
    figure = go.Figure([regions(arrays), *class_points(arrays, size=6)])
    x, y = np.asarray(arrays["slice_x"]), np.asarray(arrays["slice_y"])
    across, up = INPUT_AXES if planar else PRINCIPAL_AXES
    figure.update_xaxes(title=across, range=[float(x[0]), float(x[-1])], constrain="domain")
    figure.update_yaxes(
        title=up, range=[float(y[0]), float(y[-1])], scaleanchor="x", constrain="domain"
    )
    return styled(figure, height=HEIGHT, margin={"l": 52, "r": 10, "t": 34, "b": 44})
