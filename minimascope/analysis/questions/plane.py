"""Planes on demand: any plane a `SliceRequest` names, from vectors already computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.margins import STARTS, steps_for
from minimascope.analysis.costs.planes import resolution_for
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.stages.planes import slice_arrays
from minimascope.boundary.alignment import align
from minimascope.boundary.classification import parameter_vectors
from minimascope.boundary.eigenvector_margins import eigenvector_margins
from minimascope.boundary.layers import dense_layers
from minimascope.boundary.planes import Bounds, Frame, plane_through, principal_plane
from minimascope.boundary.slices import input_plane, plane_slice
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import SliceRequest
from minimascope.curvature.minimum.minimum import Minimum

COARSE = 100  # grid points a side


def slice_on_demand(
    opened: Opened,
    vectors: Tensor,
    request: SliceRequest,
    *,
    boundary_inputs: Tensor | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> dict[str, np.ndarray]:
    """The arrays `slice_*` of the plane asked for, with alignments to `vectors` (k, p).

    Beside those of an analysis: `slice_points` (n, 2), the training points' coordinates in the
    plane, and `slice_corners` (3, 2), those of the inputs it was laid through (absent for other
    planes). `boundary_inputs` (w, ...) are the x_b of an analysis, which are searched for where it
    has none. Raises ProblemError for rows, components or planes that do not exist.
    """
    try:
        return _slice(opened.minimum, vectors, request, boundary_inputs, seed, progress)
    except ValueError as error:
        raise ProblemError("no_such_slice", str(error), "Choose another plane.") from error


def _slice(
    minimum: Minimum,
    vectors: Tensor,
    request: SliceRequest,
    boundary_inputs: Tensor | None,
    seed: int,
    progress: Callable[[float], None] | None,
) -> dict[str, np.ndarray]:
    vectors = parameter_vectors(minimum, vectors)
    resolution = request.resolution or _quick_resolution(minimum, vectors=len(vectors))
    frame = Frame(resolution, bounds=_bounds(request))
    if request.plane == "input":
        found = input_plane(minimum, vectors, frame=frame, progress=progress)
        corners = None
    else:
        corners = _corners(minimum, vectors, request, boundary_inputs, seed)
        if corners is None:
            plane = principal_plane(minimum.inputs, *request.components)
        else:
            plane = plane_through(corners)
        found = plane_slice(minimum, vectors, plane, frame=frame, progress=progress)
    arrays = slice_arrays(found)
    arrays["slice_points"] = found.training.float().cpu().numpy()
    if corners is not None:
        placed = (corners - found.origin).flatten(1) @ found.axes.flatten(1).T
        arrays["slice_corners"] = placed.float().cpu().numpy()
    return arrays


def _quick_resolution(minimum: Minimum, *, vectors: int) -> int:
    """Coarser than in a report where a grid point costs a full gradient: someone waits for it."""
    usual = resolution_for(minimum, vectors=vectors)
    return usual if dense_layers(minimum) is not None else min(usual, COARSE)


def _bounds(request: SliceRequest) -> Bounds | None:
    if request.bounds is None:
        return None
    x_low, x_high, y_low, y_high = request.bounds
    return (x_low, x_high), (y_low, y_high)


def _corners(
    minimum: Minimum,
    vectors: Tensor,
    request: SliceRequest,
    boundary_inputs: Tensor | None,
    seed: int,
) -> Tensor | None:
    """The three inputs (3, ...) the plane goes through, if it is one of those."""
    if request.plane == "extremes":
        return _extremes(minimum, vectors, request.vector, boundary_inputs, seed)
    if request.points is None or request.plane != "points":
        return None
    largest = max(request.points)
    if largest >= minimum.n:
        raise ValueError(f"There is no training row {largest}: rows go from 0 to {minimum.n - 1}.")
    return minimum.inputs[list(request.points)]


def _extremes(
    minimum: Minimum, vectors: Tensor, k: int, boundary_inputs: Tensor | None, seed: int
) -> Tensor:
    """x_t^max, x_t^min and x_b of v_k."""
    if k > len(vectors):
        raise ValueError(f"There is no eigenvector {k}: {len(vectors)} were computed.")
    vector = vectors[k - 1 : k]
    alignment = align(minimum, vector, minimum.inputs).values
    end = None
    if boundary_inputs is not None and k <= len(boundary_inputs):
        end = boundary_inputs[k - 1].to(minimum.inputs)
    if end is None or not bool(end.isfinite().all()):
        steps = steps_for(minimum, vectors=1)
        (found,) = eigenvector_margins(
            minimum, vector, alignment, starts=STARTS, steps=steps, seed=seed
        )
        end = found.end
    if end is None:
        raise ValueError(
            f"No input on the boundary aligned with v{k} was found, so its plane is not defined."
        )
    high = int(alignment[0].nan_to_num(nan=-torch.inf).argmax())
    low = int(alignment[0].nan_to_num(nan=torch.inf).argmin())
    return torch.stack([minimum.inputs[high], minimum.inputs[low], end])
