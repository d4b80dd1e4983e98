"""What every picture of the input plane shares: the int8 field, the boundary, the points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import MANY_CLASSES, class_colour, class_symbol

Arrays = Mapping[str, NDArray[Any]]
SCALE = 127
PIXELS = 100  # a side of a tile of many; more would not be seen at a sixth of the page
RIGHT, WRONG = "#4477AA", "#CCBB44"  # of points where classes are too many to have colours
HAIRLINE = 0.6  # pixels of a boundary between so many classes that it would cover them
CROWD = 1500  # points; beyond, their markers are small
SMALL = 5.0  # marker size below which an outline would hide the colour


def quantized(alignment: NDArray[Any]) -> NDArray[np.int8]:
    """Alignments in [−1, 1] as int8 (steps of 1/127): a tenth of the bytes of JSON."""
    finite = np.nan_to_num(np.asarray(alignment, dtype=np.float64), nan=0.0)
    return np.rint(np.clip(finite, -1, 1) * SCALE).astype(np.int8)


def thinned(arrays: Arrays) -> Arrays:
    """The slice on at most 2·PIXELS − 1 pixels a side: every s-th of each axis."""
    step = max(len(arrays["slice_x"]) // PIXELS, 1)
    thin = {name: arrays[name][::step] for name in ("slice_x", "slice_y")}
    thin["slice_class"] = arrays["slice_class"][::step, ::step]
    thin["slice_alignment"] = arrays["slice_alignment"][:, ::step, ::step]
    return {**arrays, **thin}


def field(arrays: Arrays, k: int, **where: Any) -> go.Heatmap:
    """Alignment of eigenvector k (0-based) over the plane, PuOr on a fixed [−1, 1]."""
    x, y = arrays["slice_x"], arrays["slice_y"]
    return go.Heatmap(
        z=quantized(arrays["slice_alignment"][k]),
        x0=float(x[0]),
        dx=float(x[1] - x[0]),
        y0=float(y[0]),
        dy=float(y[1] - y[0]),
        zmin=-SCALE,
        zmax=SCALE,
        zsmooth="fast",
        showscale=False,
        name=f"alignment with v{k + 1}",
        hovertemplate="(%{x:.2f}, %{y:.2f})<extra></extra>",
        **marked(Role.ALIGNMENT, more={"vector": k + 1}, colorscale="diverging"),
        **where,
    )


def logit_gap(arrays: Arrays, **where: Any) -> go.Heatmap:
    """Top-two logit difference over the plane on Cividis, in steps of 1/127 of its maximum."""
    x, y = arrays["slice_x"], arrays["slice_y"]
    gap = np.nan_to_num(np.asarray(arrays["slice_logit_gap"], dtype=np.float64))
    most = float(gap.max()) or 1.0
    return go.Heatmap(
        z=np.rint(gap / most * SCALE).astype(np.int8),
        x0=float(x[0]),
        dx=float(x[1] - x[0]),
        y0=float(y[0]),
        dy=float(y[1] - y[0]),
        zmin=0,
        zmax=SCALE,
        colorscale="Cividis",
        zsmooth="fast",
        name="logit gap",
        hovertemplate="(%{x:.2f}, %{y:.2f})<extra></extra>",
        **marked(Role.LOGIT_GAP),
        colorbar={
            "tickvals": [0, SCALE / 2, SCALE],
            "ticktext": ["0", f"{most / 2:.3g}", f"{most:.3g}"],
            "title": {"text": "top logit minus the second"},
        },
        **where,
    )


def class_field(
    classes: NDArray[Any], x: NDArray[Any], y: NDArray[Any], *, role: Role, **more: Any
) -> go.Heatmap:
    """The class of every pixel of the plane `x` × `y`, in faint class colours.

    The scale holds every class of `classes`, the map its last two axes.
    """
    count = max(int(classes.max()) + 1, 2)
    scale: list[list[Any]] = []
    for c in range(count):
        scale += [[c / count, class_colour(c)], [(c + 1) / count, class_colour(c)]]
    shown = classes.reshape(-1, *classes.shape[-2:])
    return go.Heatmap(
        z=shown[len(shown) // 2].astype(np.int8),
        x0=float(x[0]),
        dx=float(x[1] - x[0]),
        y0=float(y[0]),
        dy=float(y[1] - y[0]),
        zmin=-0.5,
        zmax=count - 0.5,
        colorscale=scale,
        opacity=0.28,
        zsmooth=False,
        showscale=False,
        hoverinfo="skip",
        **marked(role),
        **more,
    )


def regions(arrays: Arrays, **where: Any) -> go.Heatmap:
    """Decision regions of the drawn plane."""
    classes = np.asarray(arrays["slice_class"])
    x, y = arrays["slice_x"], arrays["slice_y"]
    return class_field(classes, x, y, role=Role.REGIONS, name="decision regions", **where)


def boundary_line(
    arrays: Arrays, *, width: float = 2.5, colour: str = "ink", **where: Any
) -> go.Scatter:
    """The decision boundary as a line; NaN rows separate the polylines."""
    line = np.asarray(arrays["slice_boundary"], dtype=np.float32)
    return go.Scatter(
        x=line[:, 0],
        y=line[:, 1],
        mode="lines",
        line={"width": HAIRLINE if has_many(arrays) else width},
        name="decision boundary",
        hoverinfo="skip",
        **marked(Role.BOUNDARY, line__color=colour),
        **where,
    )


def explained_line(arrays: Arrays, k: int, **where: Any) -> go.Scatter:
    """The sections of the boundary on which eigenvector k (0-based) flips the most."""
    line = np.array(arrays["slice_boundary"], dtype=np.float32)
    line[np.asarray(arrays["slice_boundary_vector"]) != k + 1] = np.nan
    return go.Scatter(
        x=line[:, 0],
        y=line[:, 1],
        mode="lines",
        line={"width": 3},
        name=f"boundary explained by v{k + 1}",
        hoverinfo="skip",
        **marked(Role.EXPLAINED, more={"vector": k + 1}, line__color="ink"),
        **where,
    )


def explained_share(arrays: Arrays, k: int) -> float:
    """Share of the drawn boundary whose strongest flip is that of eigenvector k (0-based)."""
    drawn = np.isfinite(np.asarray(arrays["slice_boundary"])).all(axis=1)
    mine = np.asarray(arrays["slice_boundary_vector"])[drawn] == k + 1
    return float(mine.mean()) if len(mine) else 0.0


def _off_plane(arrays: Arrays, rows: NDArray[Any]) -> tuple[list[str], float | list[float]]:
    """What hover says of each point's distance from the plane, and how faint the point is."""
    offset = arrays.get("slice_offset")
    if offset is None or not np.any(np.asarray(offset) > 0):
        return [""] * len(rows), 1.0
    distance = np.asarray(offset)[rows]
    # What is on the plane to float32 rounding stands out; everything else is a projection.
    faint = np.where(distance > 1e-4 * np.max(offset), 0.5, 1.0)
    return [f"<br>{d:.3g} from the plane" for d in distance], faint.tolist()


def has_many(arrays: Arrays) -> bool:
    """Whether there are more classes than can be told apart by colour."""
    return "labels" in arrays and len(np.unique(np.asarray(arrays["labels"]))) > MANY_CLASSES


class Kind(NamedTuple):
    """Points that are drawn alike; `one_class`: all are of it, and `name` says which."""

    rows: NDArray[np.intp]
    name: str
    symbol: str
    colour: str
    one_class: bool = True

    @property
    def more(self) -> str:
        """What a hover template says after its name: the class, where that does not say it."""
        return "" if self.one_class else "%{text}"


def kinds(arrays: Arrays) -> list[Kind]:
    """What points are told apart by: their class, or of more than can be told apart, whether the
    network gets them right.
    """
    labels = np.asarray(arrays["labels"])
    found = np.unique(labels)
    if len(found) > MANY_CLASSES and "predictions" in arrays:
        right = np.asarray(arrays["predictions"]) == labels
        both = [
            Kind(np.flatnonzero(right), "right", "circle", RIGHT, one_class=False),
            Kind(np.flatnonzero(~right), "wrong", "x", WRONG, one_class=False),
        ]
        return [kind for kind in both if len(kind.rows)]
    return [
        Kind(np.flatnonzero(labels == k), f"class {k}", class_symbol(int(k)), class_colour(int(k)))
        for k in found
    ]


def class_words(kind: Kind, labels: NDArray[Any]) -> list[str]:
    """What hover adds of the class of each point, where the kind does not say it."""
    return ["" if kind.one_class else f"<br>class {k}" for k in labels[kind.rows]]


def class_points(arrays: Arrays, *, size: float = 8, **where: Any) -> list[go.Scatter]:
    """Training points, one trace a class, colour and shape; hover gives the record.

    Points beside the drawn plane are fainter. More than twelve classes are told apart by hover
    alone, where `predictions` say which points are right.
    """
    points, labels = np.asarray(arrays["points"]), np.asarray(arrays["labels"])
    margins = arrays.get("margins")
    size = min(size, SMALL) if len(points) > CROWD else size
    traces = []
    for kind in kinds(arrays):
        rows, name, symbol, colour, _ = kind
        margin = np.full(len(rows), np.nan) if margins is None else np.asarray(margins)[rows]
        beside, opacity = _off_plane(arrays, rows)
        said = [a + b for a, b in zip(class_words(kind, labels), beside, strict=True)]
        traces.append(
            go.Scatter(
                x=points[rows, 0],
                y=points[rows, 1],
                mode="markers",
                name=name,
                marker={
                    "symbol": symbol,
                    "size": size,
                    "color": colour,
                    "line": {"width": 1 if size > SMALL else 0.4},
                    "opacity": opacity,
                },
                customdata=np.column_stack([rows, margin]),
                text=said,
                hovertemplate=f"point %{{customdata[0]}}, {name}"
                "<br>margin ≤ %{customdata[1]:.3f}%{text}<extra></extra>",
                **marked(Role.POINTS, marker__line__color="halo"),
                **where,
            )
        )
    return traces
