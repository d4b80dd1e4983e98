"""Decision regions and training points before any curvature is known."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import Arrays, boundary_line, class_points, regions
from minimascope.figures.theme import styled

REGIONS = ("region_x", "region_y", "region_class", "region_boundary")
PAD = 0.06  # of the points' range, where there are no regions


def first_look_figure(arrays: Arrays) -> go.Figure | None:
    """One tile of regions, boundary and `points` by `labels`; points alone without a plane."""
    if "points" not in arrays or "labels" not in arrays:
        return None
    points = np.asarray(arrays["points"])
    shown = {name: arrays[name] for name in ("points", "labels", "predictions") if name in arrays}
    figure = go.Figure(class_points(shown, size=5))
    low, high = points.min(axis=0), points.max(axis=0)
    ends = np.stack([low - PAD * (high - low), high + PAD * (high - low)], axis=1)
    if all(name in arrays for name in REGIONS):
        plane = {name.replace("region", "slice"): arrays[name] for name in REGIONS}
        figure = go.Figure([regions(plane), boundary_line(plane, width=1.6), *figure.data])
        x, y = plane["slice_x"], plane["slice_y"]
        ends = np.array([[x[0], x[-1]], [y[0], y[-1]]])
    figure.update_xaxes(visible=False, range=ends[0].tolist())
    figure.update_yaxes(visible=False, range=ends[1].tolist())
    figure.add_annotation(text="", showarrow=False)
    return styled(figure, height=360, margin={"l": 0, "r": 0, "t": 0, "b": 0})
