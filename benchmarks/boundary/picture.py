"""The paper's figure as an SVG: rows minima, columns the boundary and the alignment with v₁..v₇."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from benchmarks.boundary.measures import VECTORS, Study
from minimascope.analysis.stages.planes import boundary_lines

SIDE, GAP, LEFT, TOP = 130, 6, 92, 24
# Orange for −1, white for 0, purple for +1; class tints for the first column.
ENDS = np.array([[230, 97, 1], [255, 255, 255], [94, 60, 153]], dtype=np.float64)
TINTS = np.array([[166, 206, 227], [253, 191, 111], [178, 223, 138], [251, 154, 153]])
DOTS = ("#1f78b4", "#c05600", "#33802c", "#c01717")


def png(pixels: np.ndarray) -> bytes:
    """An RGB image (h, w, 3) uint8 as PNG."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    return signature + b"".join(parts)


def diverging(values: np.ndarray) -> np.ndarray:
    """Colours of values in [−1, 1]; 32 steps, so that the file stays small."""
    steps = np.rint(np.nan_to_num(values) * 16) / 16
    share = np.clip((steps + 1) / 2, 0, 1)
    return np.stack([np.interp(share, [0, 0.5, 1], ENDS[:, c]) for c in range(3)], -1)


def panel(
    study: Study, column: int, x: float, y: float, points: np.ndarray, labels: np.ndarray
) -> str:
    """One tile at (x, y): classes and points in the first column, alignment in the others."""
    plane = study.plane
    if column == 0:
        colours = TINTS[plane.classes.numpy() % len(TINTS)]
    else:
        colours = diverging(plane.alignment[column - 1].numpy())
    image = base64.b64encode(png(colours[::-1].astype(np.uint8))).decode()
    low = np.array([float(plane.x[0]), float(plane.y[0])])
    high = np.array([float(plane.x[-1]), float(plane.y[-1])])

    def place(at: np.ndarray) -> np.ndarray:
        share = (at - low) / (high - low)
        return np.stack([x + SIDE * share[:, 0], y + SIDE * (1 - share[:, 1])], 1)

    parts = [
        f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/>',
        f'<path d="{path(place(boundary_lines(plane)[::2]))}" fill="none" stroke="#111" '
        f'stroke-width="1"/>',
    ]
    if column == 0:
        parts += [
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="1.6" fill="{DOTS[c % len(DOTS)]}"/>'
            for (u, v), c in zip(place(points), labels, strict=True)
        ]
    return "".join(parts)


def path(line: np.ndarray) -> str:
    """SVG path of polylines separated by NaN rows."""
    words: list[str] = []
    move = True
    for u, v in line:
        if np.isnan(u):
            move = True
            continue
        words.append(f"{'M' if move else 'L'}{u:.1f} {v:.1f}")
        move = False
    return "".join(words)


def figure(title: str, studies: dict[str, Study], data: dict[str, tuple]) -> str:
    """The whole figure for the minima of one problem."""
    columns = VECTORS + 1
    width = LEFT + columns * (SIDE + GAP)
    height = TOP + len(studies) * (SIDE + GAP) + 4
    names = [f"{title}: boundary", *(f"v{k}" for k in range(1, columns))]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    for column, name in enumerate(names):
        parts.append(f'<text x="{LEFT + column * (SIDE + GAP)}" y="16">{name}</text>')
    for row, (kind, study) in enumerate(studies.items()):
        y = TOP + row * (SIDE + GAP)
        parts.append(f'<text x="4" y="{y + SIDE // 2}">{kind}</text>')
        share = f"test {study.test_accuracy:.0%}"
        parts.append(f'<text x="4" y="{y + SIDE // 2 + 16}" fill="#555">{share}</text>')
        points, labels = data[kind]
        for column in range(columns):
            x = LEFT + column * (SIDE + GAP)
            parts.append(panel(study, column, x, y, points, labels))
    return "\n".join([*parts, "</svg>"])
