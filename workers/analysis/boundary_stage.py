"""Decision boundary: alignment of training points, complexity, and the drawn plane."""

from __future__ import annotations

import numpy as np
import torch
from contourpy import contour_generator

from minimascope.report import Boundary, Epsilon, FlipRates, Flips, GCurve
from workers.analysis.session import Session
from workers.boundary import flips as sign
from workers.boundary.alignment import align
from workers.boundary.complexity import (
    Complexity,
    alignment_matrix,
    complexity,
    random_max_alignment,
)
from workers.boundary.slices import Slice, input_plane
from workers.boundary.walk import walk
from workers.curvature.spectrum import Spectrum

RANDOM_VECTORS = 100
RESOLUTION = 200
WALKED = 5  # leading eigenvectors walked along


def run(session: Session) -> None:
    """Fills `report.boundary`; the slice only where inputs are points of the plane."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    aligned = align(minimum, spectrum.eigenvectors, minimum.inputs)
    session.array("alignment", aligned.values.double())
    session.progress(0.2, "Complexity of the boundary over all known eigenvectors")
    found = measure(session, spectrum)
    plane, flips = None, None
    if session.planar:
        session.progress(0.5, "Decision boundary over the input plane")
        plane = input_plane(minimum, spectrum.eigenvectors, resolution=RESOLUTION)
        publish_slice(session, plane)
        session.progress(0.8, "Sign flips along the boundary")
        flips = flip_section(sign.sign_flips(minimum, plane, seed=session.parameters.seed))
    session.progress(0.9, "Walks along the eigenvectors")
    publish_walks(session, spectrum)
    session.report.boundary = boundary_section(found, flips)


def measure(session: Session, spectrum: Spectrum) -> Complexity:
    """G(ε), n90 and the energy left outside, over every eigenvector known."""
    minimum, parameters = session.opened.minimum, session.parameters
    known = spectrum.known_eigenvectors
    vectors = spectrum.eigenvectors if known is None else known
    matrix = alignment_matrix(minimum, vectors)
    largest = matrix[:, ~matrix[0].isnan()].abs().amax(dim=1)
    session.array("max_alignment", largest.double().sort(descending=True).values)
    random = None
    if parameters.epsilon is None:
        random = random_max_alignment(minimum, count=RANDOM_VECTORS, seed=parameters.seed)
    return complexity(matrix, dim=minimum.dim, epsilon=parameters.epsilon, random=random)


def publish_slice(session: Session, plane: Slice) -> None:
    session.array("slice_x", plane.x.float())
    session.array("slice_y", plane.y.float())
    session.array("slice_class", plane.classes.short())
    session.array("slice_logit_gap", plane.logit_gap.float())
    session.array("slice_alignment", plane.alignment.float())
    session.array("slice_boundary", boundary_lines(plane))


def boundary_lines(plane: Slice) -> np.ndarray:
    """Polylines (b, 2) where the network changes class, NaN rows between lines.

    Zero lines of f_c − max_{j≠c} f_j for every class but the last: each border of two classes is
    an outline of one of them.
    """
    x, y = plane.x.cpu().numpy(), plane.y.cpu().numpy()
    gap = np.full((1, 2), np.nan)
    parts = [np.zeros((0, 2))]
    for field in plane.class_fields[:-1].cpu().numpy():
        for line in contour_generator(x, y, field).lines(0.0):
            parts += [np.asarray(line), gap]
    return np.concatenate(parts).astype(np.float32)


def publish_walks(session: Session, spectrum: Spectrum) -> None:
    """θ + ε v_k for the leading vectors; the ranges differ, so ε is one row a vector."""
    pairs = list(zip(spectrum.eigenvectors, spectrum.eigenvalues.tolist(), strict=True))[:WALKED]
    walks = [walk(session.opened.minimum, v, eigenvalue=value) for v, value in pairs]
    session.array("walk_epsilon", torch.stack([each.epsilon for each in walks]).double())
    session.array("walk_loss", torch.stack([each.loss for each in walks]).double())
    session.array("walk_accuracy", torch.stack([each.accuracy for each in walks]).double())
    maps = [each.classes for each in walks if each.classes is not None]
    if maps and walks[0].x is not None and walks[0].y is not None:
        session.array("walk_class", torch.stack(maps).to(torch.int8))
        session.array("walk_x", walks[0].x.float())
        session.array("walk_y", walks[0].y.float())


def boundary_section(found: Complexity, flips: Flips | None) -> Boundary:
    return Boundary(
        epsilon=Epsilon(
            value=found.epsilon.value, spread=found.epsilon.spread, source=found.epsilon.source
        ),
        g_at_epsilon=found.g_at_epsilon,
        g_curve=GCurve(epsilon=found.g_curve.epsilon, count=found.g_curve.count, g=found.g_curve.g),
        n90=found.n90,
        vectors_known=found.vectors_known,
        energy_outside=found.energy_outside,
        zeroed_points=found.zeroed_points,
        flips=flips,
    )


def flip_section(found: sign.Flips) -> Flips:
    return Flips(
        per_vector=[rates(each) for each in found.per_vector],
        random_control=rates(found.random_control),
    )


def rates(found: sign.FlipRates) -> FlipRates:
    return FlipRates(
        cross=found.cross,
        inside=found.inside,
        strong_cross=found.strong_cross,
        strong_inside=found.strong_inside,
    )
