"""Eigenvalues above absolute thresholds, against the whole spectrum."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import nn

from minimascope.contract.report.spectrum import EVERY_KNOWN
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.counts import STEPS, counts_above, resolved
from minimascope.curvature.spectrum.density import operator_density
from minimascope.curvature.spectrum.spectrum import Spectrum, compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


def small() -> tuple[Minimum, Spectrum]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 4))
    minimum = prepare(network, torch.randn(80, 6), torch.randint(0, 4, (80,)))
    return minimum, compute_spectrum(minimum, Wanted(top_k=6))


def leading(spectrum: Spectrum, minimum: Minimum) -> Spectrum:
    """The same as if only its leading pairs were known."""
    return replace(
        spectrum,
        complete=False,
        known_eigenvalues=spectrum.eigenvalues,
        known_eigenvectors=spectrum.eigenvectors,
        operator=hessian(minimum),
        rule=None,
    )


def test_counts_of_a_complete_spectrum_are_those_of_its_eigenvalues() -> None:
    _, spectrum = small()
    assert spectrum.complete
    found = counts_above(spectrum)
    assert found is not None
    assert found.source == EVERY_KNOWN  # what the page takes the zeros from
    rows = zip(found.threshold, found.count, found.standard_error, strict=True)
    for threshold, count, error in rows:
        assert count == int((spectrum.known_eigenvalues > threshold).sum())
        assert error is None
        # One grid for all minima: the powers 10^(j/16).
        place = STEPS * math.log10(threshold)
        assert abs(place - round(place)) < 1e-9
    assert found.count[-1] == 0


def test_below_the_known_pairs_nothing_is_said_without_probes() -> None:
    minimum, whole = small()
    found, every = counts_above(leading(whole, minimum)), counts_above(whole)
    assert found is not None
    assert every is not None
    assert min(found.threshold) >= float(whole.eigenvalues[-1])
    exact = dict(zip(every.threshold, every.count, strict=True))
    assert all(exact[t] == c for t, c in zip(found.threshold, found.count, strict=True))


def test_probes_count_the_rest_within_their_errors() -> None:
    minimum, whole = small()
    part = leading(whole, minimum)
    assert part.operator is not None
    rules = operator_density(part.operator, part, run=Run(seed=0)).rules
    found, every = counts_above(part, rules), counts_above(whole)
    assert found is not None
    assert every is not None
    assert rules is not None
    assert "probes" in found.source
    assert min(found.threshold) > resolved(rules)  # nothing is said below
    exactly = dict(zip(every.threshold, every.count, strict=True))
    counts = [exactly[threshold] for threshold in found.threshold]
    rows = zip(found.count, counts, found.standard_error, strict=True)
    within = [abs(count - exact) <= 4 * error for count, exact, error in rows if error is not None]
    assert len(within) > 10
    assert all(within)


def test_a_hessian_without_positive_eigenvalue_has_no_counts() -> None:
    _, spectrum = small()
    assert counts_above(replace(spectrum, known_eigenvalues=-torch.ones(3).double())) is None
