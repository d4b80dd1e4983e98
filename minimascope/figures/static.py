"""A figure as SVG, written here: for where scripts are blocked, or none should be needed.

Lines, markers, bands and bars on linear and log axes; fields of colour where they are asked for,
because they are most of a picture's bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

import plotly.graph_objects as go

from minimascope.figures.coloured import coloured, plain_arrays
from minimascope.figures.static_axes import Axis, axes_of, axis_name, frames, numbers, plain, safe
from minimascope.figures.static_field import field, placed
from minimascope.figures.symlog import Floats

DRAWN = ("scatter", "bar", "scattergl")
ROW = 16  # pixels of a row of the legend
DASHES = {"dash": "6 4", "dot": "2 3", "longdash": "10 4", "dashdot": "6 3 2 3"}


def svg(figure: go.Figure, *, width: int = 520, label: str = "", fields: bool = False) -> str:
    """The figure in the light palette; `label` says what it shows."""
    document: dict[str, Any] = plain_arrays(coloured(figure).to_plotly_json())
    layout = document["layout"]
    kinds = (*DRAWN, "heatmap") if fields else DRAWN
    drawn = [each for each in map(placed, document["data"]) if _is_drawn(each, kinds)]
    legend, rows = _legend(drawn, width)
    height = min(int(layout.get("height") or 320), 420) + ROW * max(rows - 1, 0)
    margin = layout.get("margin") or {}
    layout["margin"] = {**margin, "t": max(margin.get("t", 10), ROW * rows + 6 if rows else 0)}
    axes = axes_of(layout, drawn, width, height)
    body = [*frames(axes, height)]
    for trace in drawn:
        x, y = axes[axis_name(trace, "x")], axes[axis_name(trace, "y")]
        body += _trace(trace, x, y)
    body += legend
    said = escape(label, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{said}" '
        f'style="max-width:100%;background:#fff;font:11px sans-serif">{"".join(body)}</svg>'
    )


def _trace(trace: dict[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    if trace["type"] == "heatmap":
        yield field(trace, x, y)
    elif trace["type"] == "bar":
        yield from _bars(trace, x, y)
    else:
        yield from _scatter(trace, x, y)


def _is_drawn(trace: dict[str, Any], kinds: tuple[str, ...]) -> bool:
    return (
        trace.get("type") in kinds
        and trace.get("visible", True) is True
        and trace.get("x") is not None
        and trace.get("y") is not None
        and len(trace["x"]) > 0
    )


def _legend(traces: list[dict[str, Any]], width: int) -> tuple[list[str], int]:
    """Names of what is drawn in their colours, and in how many rows they stand."""
    found: list[str] = []
    left, row = 60.0, 0
    for trace in traces:
        name = plain(str(trace.get("name") or ""))
        if not name or trace.get("showlegend") is False or trace["type"] == "heatmap":
            continue
        wide = 24 + 6.2 * len(name)
        if left + wide > width and left > 60:
            left, row = 60.0, row + 1
        found.append(_key(trace, left, 10 + ROW * row))
        found.append(f'<text x="{left + 22:.0f}" y="{14 + ROW * row}" fill="#5b616b">')
        found[-1] += f"{escape(name)}</text>"
        left += wide + 10
    return found, row + 1 if found else 0


def _key(trace: dict[str, Any], left: float, y: int) -> str:
    """A piece of the line, or a dot."""
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    if "lines" not in (trace.get("mode") or "lines"):
        colour = _safe_or(marker.get("color"), "#1a1c20")
        return f'<circle cx="{left + 9:.0f}" cy="{y}" r="3.5" fill="{colour}"/>'
    colour, dashes = _safe_or(line.get("color"), "#1a1c20"), DASHES.get(line.get("dash", ""), "")
    return (
        f'<line x1="{left:.0f}" y1="{y}" x2="{left + 18:.0f}" y2="{y}" stroke="{colour}" '
        f'stroke-width="2" stroke-dasharray="{dashes}"/>'
    )


def _safe_or(colour: Any, other: str) -> str:
    return safe(colour) if isinstance(colour, str) else other


def _scatter(trace: dict[str, Any], x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    x, y = x_axis.at(numbers(trace["x"])), y_axis.at(numbers(trace["y"]))
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    mode = trace.get("mode") or "lines"
    filled = trace.get("fill") == "toself"
    if "lines" in mode:
        colour, wide = line.get("color", "#1a1c20"), line.get("width", 1.5)
        dashes = DASHES.get(line.get("dash", ""), "")
        for piece in _pieces(x, y):
            kind = "polygon" if filled else "polyline"
            fill = trace.get("fillcolor", "none") if filled else "none"
            yield (
                f'<{kind} points="{piece}" fill="{safe(fill)}" stroke="{safe(colour)}" '
                f'stroke-width="{float(wide)}" stroke-dasharray="{dashes}"/>'
            )
    if "markers" in mode:
        yield from _markers(x, y, marker)


def _markers(x: Floats, y: Floats, marker: dict[str, Any]) -> Iterator[str]:
    colours, sizes = marker.get("color", "#1a1c20"), marker.get("size", 6)
    for place, (left, top) in enumerate(zip(x, y, strict=True)):
        if not (math.isfinite(left) and math.isfinite(top)):
            continue
        colour, size = _each(colours, place), _each(sizes, place)
        yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{float(size) / 2.4:.1f}" '
        yield f'fill="{_safe_or(colour, "#4477AA")}"/>'


def _each(values: Any, place: int) -> Any:
    whole = isinstance(values, str) or not hasattr(values, "__len__")
    return values if whole else values[place % len(values)]


def _bars(trace: dict[str, Any], x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    flat = trace.get("orientation") == "h"
    along, across = (x_axis, y_axis) if flat else (y_axis, x_axis)
    lengths = along.at(numbers(trace["x" if flat else "y"]))
    places = across.at(numbers(trace["y" if flat else "x"]))
    wide = 0.7 * abs(across.stop - across.start) / max(len(places), 1)
    zero = along.start if along.log else float(along.at([0.0])[0])
    colours = (trace.get("marker") or {}).get("color", "#1d5fa8")
    for place, (middle, end) in enumerate(zip(places, lengths, strict=True)):
        if not (math.isfinite(middle) and math.isfinite(end)):
            continue
        fill = _safe_or(_each(colours, place), "#1d5fa8")
        low, size = min(zero, end), abs(end - zero)
        x, y, w, h = (
            (low, middle - wide / 2, size, wide) if flat else (middle - wide / 2, low, wide, size)
        )
        yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{fill}"/>'


def _pieces(x: Floats, y: Floats) -> Iterator[str]:
    """Runs of finite points: NaN breaks a line."""
    run: list[str] = []
    for left, top in zip(x, y, strict=True):
        if math.isfinite(left) and math.isfinite(top):
            run.append(f"{left:.1f},{top:.1f}")
        elif run:
            yield " ".join(run)
            run = []
    if run:
        yield " ".join(run)
