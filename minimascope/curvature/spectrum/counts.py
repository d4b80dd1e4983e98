"""How many eigenvalues lie above an absolute threshold, on thresholds that all minima share.

At equal training loss this number follows the length of the decision boundary; counts above a
share of λ₁ do not, since λ₁ grows with it (docs/boundary_complexity.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from minimascope.curvature.krylov.block_quadrature import BLUR
from minimascope.curvature.krylov.slq import Quadrature, spectral_sum
from minimascope.curvature.spectrum.spectrum import Spectrum

STEPS = 16  # thresholds a decade, at the powers 10^(j/16): the same ones for every minimum
DECADES = 6  # below λ₁


@dataclass(frozen=True)
class Counts:
    """Eigenvalues above each `threshold` (ascending), with the standard error of the count.

    The error, of probes and of what they cannot tell apart, is None where the count is exact.
    `source` says what they are from.
    """

    threshold: list[float]
    count: list[float]
    standard_error: list[float | None]
    source: str


def counts_above(spectrum: Spectrum, rules: Quadrature | None = None) -> Counts | None:
    """From the known eigenvalues down to where they end, from there by quadrature `rules`.

    All are exact where the known ones are complete; without rules the others are left out, with
    them those below what so many Lanczos steps resolve. None where no eigenvalue is positive.
    """
    known = spectrum.known_eigenvalues.double()
    largest = float(known.max()) if known.numel() else 0.0
    if largest <= 0:
        return None
    least = _known_down_to(spectrum)
    last = math.ceil(STEPS * math.log10(largest))
    found = Counts([], [], [], _source(spectrum, rules, least))
    for power in range(last - DECADES * STEPS, last + 1):
        threshold = 10.0 ** (power / STEPS)
        if threshold >= least:
            count, error = float((known > threshold).sum()), None
        elif rules is not None and threshold > resolved(rules):
            count, error = _by_probes(known, rules, threshold)
        else:
            continue
        found.threshold.append(threshold)
        found.count.append(count)
        found.standard_error.append(error)
    return found


def resolved(rules: Quadrature) -> float:
    """How near one another eigenvalues are told apart: Gauss nodes of m steps lie about 1/m of
    the range apart."""
    return BLUR * float(rules.nodes.abs().max()) / rules.steps


def _by_probes(known: torch.Tensor, rules: Quadrature, threshold: float) -> tuple[float, float]:
    """The count and its error: of probes, and of what lies too near the threshold to be told."""

    def above(level: float) -> tuple[float, float]:
        count, error = spectral_sum(known, rules, lambda v: (v > level).double())
        return count, error or 0.0

    apart = resolved(rules) / 2
    (count, error), more, less = (
        above(threshold),
        above(threshold - apart),
        above(threshold + apart),
    )
    return count, math.hypot(error, (more[0] - less[0]) / 2)


def _known_down_to(spectrum: Spectrum) -> float:
    """Every eigenvalue from here up is known: 0, or the last of the leading converged ones."""
    if spectrum.complete:
        return 0.0
    leading = int(torch.cumprod(spectrum.converged.int(), dim=0).sum())
    return float(spectrum.eigenvalues[leading - 1]) if leading else math.inf


def _source(spectrum: Spectrum, rules: Quadrature | None, least: float) -> str:
    if spectrum.complete:
        return "every nonzero eigenvalue is known"
    known = f"exact from {least:.3g} up, by converged pairs" if least < math.inf else "none exact"
    if rules is None:
        return known
    return f"{known}; below by {rules.probes} quadrature probes"
