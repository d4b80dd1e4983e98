"""A field of colour in a figure that is written as SVG: an indexed PNG of 256 colours within it."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minimascope.figures.static_axes import Axis, numbers

COLOURS = 256
EMPTY = (255, 255, 255)  # where the field has no value


def placed(trace: dict[str, Any]) -> dict[str, Any]:
    """A heatmap whose columns and rows have their places written out, where it counts them."""
    if trace.get("type") != "heatmap":
        return trace
    rows, columns = np.shape(trace["z"])
    counted = {
        axis: trace.get(f"{axis}0", 0.0) + trace.get(f"d{axis}", 1.0) * np.arange(count)
        for axis, count in (("x", columns), ("y", rows))
        if trace.get(axis) is None
    }
    return {**trace, **counted}


def field(trace: dict[str, Any], x_axis: Axis, y_axis: Axis) -> str:
    """The heatmap's cells between the ends of its axes."""
    z = np.asarray(trace["z"], dtype=np.float64)
    low, high = _ends(trace, z)
    share = np.clip((z - low) / ((high - low) or 1.0), 0.0, 1.0)
    index = np.where(np.isfinite(z), 1 + np.nan_to_num(share) * (COLOURS - 2), 0)
    left, right = _edges(trace["x"], x_axis)
    first, last = _edges(trace["y"], y_axis)
    up = index[::-1] if first > last else index  # rows of a picture go down
    data = base64.b64encode(_png(np.rint(up).astype(np.uint8), _palette(trace["colorscale"])))
    cells = "" if trace.get("zsmooth") else 'style="image-rendering:pixelated" '
    return (
        f'<image opacity="{float(trace.get("opacity") or 1):g}" {cells}'
        f'x="{left:.1f}" y="{min(first, last):.1f}" width="{right - left:.1f}" '
        f'height="{abs(last - first):.1f}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{data.decode()}"/>'
    )


def _ends(trace: dict[str, Any], z: NDArray[Any]) -> tuple[float, float]:
    known = z[np.isfinite(z)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    given = trace.get("zmin"), trace.get("zmax")
    return (low if given[0] is None else given[0]), (high if given[1] is None else given[1])


def _edges(places: Any, axis: Axis) -> tuple[float, float]:
    """Pixels half a cell beyond the first and the last place."""
    known = numbers(places)
    step = (known[-1] - known[0]) / max(len(known) - 1, 1) or 1.0
    first, last = axis.at([known[0] - step / 2, known[-1] + step / 2])
    return float(first), float(last)


def _palette(scale: Any) -> NDArray[np.uint8]:
    """RGB of every index (256 × 3): that of no value, then the scale from end to end."""
    stops = [(float(at), _rgb(str(colour))) for at, colour in scale]
    at = np.linspace(0, 1, COLOURS - 1)
    places = [stop for stop, _ in stops]
    channels = [np.interp(at, places, [rgb[c] for _, rgb in stops]) for c in range(3)]
    colours = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return np.vstack([np.array([EMPTY], dtype=np.uint8), colours])


def _rgb(colour: str) -> tuple[float, float, float]:
    """Of #rrggbb or rgb(r,g,b)."""
    if colour.startswith("#"):
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        return red, green, blue
    red, green, blue = colour[colour.index("(") + 1 : -1].split(",")[:3]
    return float(red), float(green), float(blue)


def _png(index: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """An indexed PNG (W3C PNG, colour type 3) without filters."""
    height, width = index.shape
    rows = b"".join(b"\0" + row.tobytes() for row in index)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows, 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in (*parts, (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
