"""Everything the study compares, measured on one minimum by the product's own functions."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.alignment import align
from minimascope.boundary.complexity import alignment_matrix, complexity, random_max_alignment
from minimascope.boundary.eigenvector_margins import eigenvector_margins
from minimascope.boundary.flips import Flips, sign_flips
from minimascope.boundary.margins import closest_crossings
from minimascope.boundary.planes import Frame
from minimascope.boundary.slices import Slice, input_plane
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

VECTORS = 7
RESOLUTION = 100


@dataclass
class Study:
    """One minimum measured. `matrix` (r, n): alignments with every eigenvector known."""

    train_loss: float
    train_accuracy: float
    test_accuracy: float
    gap: float
    norm: float
    lambda_1: float
    trace: float
    n90: int | None
    matrix: Tensor
    threshold: float
    dim: int
    margin: float | None
    median_margin: float
    eigenvector_margin: float | None
    plane: Slice
    flips: Flips
    seconds: float

    def count(self, epsilon: float) -> tuple[int, int]:
        """Eigenvectors that reach ε, and how many unseen ones might."""
        found = complexity(self.matrix, dim=self.dim, epsilon=epsilon, curve=[epsilon])
        return found.count_at_epsilon, found.count_outside


def fit(minimum: Minimum, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Mean loss in nats and accuracy."""
    with torch.no_grad():
        logits = minimum.network(x)
    accuracy = (logits.argmax(dim=1) == y).double().mean()
    return float(torch.nn.functional.cross_entropy(logits, y)), float(accuracy)


def study(minimum: Minimum, test: tuple[Tensor, Tensor], *, seed: int = 0) -> Study:
    """The full analysis of one minimum; `seconds` are CPU seconds of all of it."""
    started = time.process_time()
    spectrum = compute_spectrum(minimum, Wanted(top_k=VECTORS), run=Run(seed=seed))
    assert spectrum.known_eigenvectors is not None
    matrix = alignment_matrix(minimum, spectrum.known_eigenvectors)
    random = random_max_alignment(minimum, seed=seed)
    found = complexity(matrix, dim=minimum.dim, random=random)
    plane = input_plane(minimum, spectrum.eigenvectors, frame=Frame(RESOLUTION))
    margins = closest_crossings(minimum, seed=seed)
    vectors = spectrum.eigenvectors[:5]
    estimates = eigenvector_margins(
        minimum, vectors, align(minimum, vectors, minimum.inputs).values, starts=8, seed=seed
    )
    kept = [each.estimate for each in estimates if each.estimate is not None]
    train_loss, train_accuracy = fit(minimum, minimum.inputs, minimum.targets)
    test_loss, test_accuracy = fit(minimum, *test)
    return Study(
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        test_accuracy=test_accuracy,
        gap=test_loss - train_loss,
        norm=float(minimum.theta.norm()),
        lambda_1=float(spectrum.eigenvalues[0]),
        trace=spectrum.trace,
        n90=found.n90,
        matrix=matrix,
        threshold=found.epsilon.value,
        dim=minimum.dim,
        margin=float(margins.values.nan_to_num(nan=torch.inf).min()),
        median_margin=float(margins.values.nanmedian()),
        eigenvector_margin=min(kept) if kept else None,
        plane=plane,
        flips=sign_flips(minimum, plane, seed=seed),
        seconds=time.process_time() - started,
    )
