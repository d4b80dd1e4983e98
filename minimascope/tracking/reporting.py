"""A measurement as a report with its arrays: what a run's page and a saved file are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from minimascope.analysis.run import versions
from minimascope.analysis.session.opening import checkpoint_summary, data_summary, is_planar
from minimascope.analysis.session.told import objective_summary
from minimascope.boundary.classification import logits_at
from minimascope.boundary.planes import Frame, Plane, grid_parts, input_axes, principal_plane
from minimascope.contract.report import Estimate, Report, Spectrum
from minimascope.contract.report.spectrum import GapOutliers, Outliers, RatioOutliers
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import layer_mass
from minimascope.curvature.spectrum.outliers import outliers_by_ratio
from minimascope.tracking.followed import Followed
from minimascope.tracking.measuring import Measured

RATIO = 0.1  # of λ₁, above which an eigenvalue stands out
PLANAR, OTHER = Frame(resolution=72), Frame(resolution=48)  # a point costs a pass


def report_of(followed: Followed, found: Measured, *, seconds: float) -> Report:
    """The document: summaries, the top of the spectrum, what was tracked."""
    opened = replace(followed.opened)
    parameters = opened.parameters
    return Report(
        versions=versions(),
        seed=parameters.seed,
        dtype=parameters.dtype,
        device=parameters.device,
        wall_seconds={"spectrum": seconds},
        checkpoint=checkpoint_summary(opened, parameters),
        data=data_summary(opened),
        loss=opened.minimum.loss.name,
        objective=objective_summary(opened),
        spectrum=_spectrum(followed.minimum, found),
        tracked=found.numbers,
        warnings=[_of_a_sample(followed, found)],
    )


def _of_a_sample(followed: Followed, found: Measured) -> str:
    return (
        f"Tracked along training at step {found.numbers.step:,}: every number is of a fixed sample "
        f"of {followed.minimum.n:,} of {followed.total:,} training examples."
    )


def _spectrum(minimum: Minimum, found: Measured) -> Spectrum:
    pairs = found.pairs
    names, mass = layer_mass(pairs.vectors, minimum.places)
    by_ratio = outliers_by_ratio(pairs.values, q=RATIO)
    return Spectrum(
        eigenvalues=pairs.values.tolist(),
        residuals=pairs.residuals.tolist(),
        converged=pairs.converged,
        lambda_min=None,
        trace=Estimate(value=found.trace, standard_error=found.trace_error, method="Hutchinson"),
        method="Lanczos from the eigenvectors of the step before",
        outliers=Outliers(
            by_ratio=RatioOutliers(q=RATIO, count=by_ratio), by_gap=GapOutliers(count=0)
        ),
        layer_mass=mass.tolist(),
        layer_names=names,
        products=pairs.products,
    )


def arrays_of(followed: Followed, found: Measured) -> dict[str, np.ndarray]:
    """Eigenvalues, and the classes on the plane of the sample: a picture of the film."""
    arrays = {"eigenvalues": found.pairs.values.numpy()}
    minimum = followed.minimum
    if not minimum.loss.classifies or not minimum.inputs.is_floating_point():
        return arrays
    plane = _plane(minimum)
    return arrays if plane is None else arrays | _picture(minimum, plane)


def _plane(minimum: Minimum) -> Plane | None:
    """The inputs' own, or their first principal ones: that of the fixed sample, so always one."""
    if is_planar(minimum):
        return input_axes(minimum.inputs)
    try:
        return principal_plane(minimum.inputs).orthonormal(minimum.inputs)
    except ValueError:
        return None


def _picture(minimum: Minimum, plane: Plane) -> dict[str, np.ndarray]:
    flat = (minimum.inputs - plane.origin).flatten(1)
    points = flat @ plane.axes.flatten(1).T
    x, y = (PLANAR if is_planar(minimum) else OTHER).sides(points)
    grid = grid_parts(plane.origin, plane.axes, x, y)
    parts = [logits_at(minimum, inputs).argmax(dim=1) for inputs in grid]
    classes = torch.cat(parts).reshape(len(y), len(x))
    own = logits_at(minimum, minimum.inputs).argmax(dim=1)
    return {
        "slice_x": x.float().cpu().numpy(),
        "slice_y": y.float().cpu().numpy(),
        "slice_class": classes.short().cpu().numpy(),
        "points": points.float().cpu().numpy(),
        "labels": minimum.labels.cpu().numpy(),
        "predictions": own.cpu().numpy(),
    }
