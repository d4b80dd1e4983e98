"""A drawn plane: its arrays, its boundary lines and the vectors that explain them."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from torch import Tensor

from minimascope.boundary.flips import GATE
from minimascope.boundary.slices import Slice


def slice_arrays(plane: Slice) -> dict[str, np.ndarray]:
    """The arrays `slice_*` of one plane, named as in `minimascope.contract.arrays`."""
    lines = boundary_lines(plane)
    return {
        "slice_x": plane.x.float().cpu().numpy(),
        "slice_y": plane.y.float().cpu().numpy(),
        "slice_class": plane.classes.short().cpu().numpy(),
        "slice_logit_gap": plane.logit_gap.float().cpu().numpy(),
        "slice_alignment": plane.alignment.float().cpu().numpy(),
        "slice_boundary": lines,
        "slice_boundary_vector": explaining_vector(plane, lines),
        "slice_offset": plane.offset.float().cpu().numpy(),
    }


def boundary_lines(plane: Slice) -> np.ndarray:
    """Polylines (b, 2) where the network changes class, NaN rows between lines.

    Zero lines of f_c − max_{j≠c} f_j for every class but the last: each border of two classes is
    an outline of one of them.
    """
    return zero_lines(plane.x, plane.y, plane.class_fields)


def zero_lines(x: Tensor, y: Tensor, fields: Tensor) -> np.ndarray:
    """The same of any `class_fields` (K, len(y), len(x)) over a grid."""
    across, up = x.cpu().numpy(), y.cpu().numpy()
    gap = np.full((1, 2), np.nan)
    parts = [np.zeros((0, 2))]
    for field in fields[:-1].cpu().numpy():
        for line in contour_generator(across, up, field).lines(0.0):
            parts += [np.asarray(line), gap]
    return np.concatenate(parts).astype(np.float32)


def explaining_vector(plane: Slice, lines: np.ndarray) -> np.ndarray:
    """For every vertex of `boundary_lines` the eigenvector (1-based) that flips there most, (b,).

    A vertex lies on a grid edge. Vector k flips on it if A_k has opposite signs at its ends, as
    strongly as the smaller |A_k|; 0 where none exceeds the gate, and between lines.
    """
    result = np.zeros(len(lines), dtype=np.int16)
    known = np.isfinite(lines).all(axis=1)
    field = plane.alignment.cpu().numpy()
    places = [
        _grid_position(lines[known, axis], values.cpu().numpy())
        for axis, values in enumerate((plane.x, plane.y))
    ]
    # Off-grid along one axis, on a grid line along the other: rounding tells them apart.
    (left, right), (down, up) = places
    first, second = field[:, down, left], field[:, up, right]
    strength = np.where(first * second < 0, np.minimum(abs(first), abs(second)), 0.0)
    strength = np.nan_to_num(strength)
    best = strength.argmax(axis=0)
    strong = strength.max(axis=0, initial=0.0) > GATE
    result[known] = np.where(strong, best + 1, 0)
    return result


def _grid_position(values: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the grid lines below and above; equal within 1e-3 of a cell."""
    place = (values - axis[0]) / (axis[1] - axis[0])
    place = np.where(np.abs(place - np.rint(place)) < 1e-3, np.rint(place), place)
    last = len(axis) - 1
    low = np.clip(np.floor(place), 0, last).astype(int)
    return low, np.clip(np.ceil(place), 0, last).astype(int)
