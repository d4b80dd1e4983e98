"""Blocks of single layers against blocks of the dense Hessian."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.places import layer_indices
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.layer_blocks import TOP_FIVE, layer_blocks
from minimascope.curvature.spectrum.spectrum import compute_spectrum, operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


def network(width: int) -> Minimum:
    torch.manual_seed(0)
    layers = [nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 6), nn.Tanh(), nn.Linear(6, 3)]
    return prepare(nn.Sequential(*layers), torch.randn(40, 8), torch.randint(0, 3, (40,)))


def test_blocks_of_a_whole_spectrum_equal_those_of_the_dense_matrix() -> None:
    minimum = network(7)
    matrix = hessian(minimum).matmat(torch.eye(minimum.dim, dtype=torch.float64))
    spectrum = compute_spectrum(minimum)
    assert spectrum.complete
    blocks = layer_blocks(minimum, spectrum, replace(TOP_FIVE, tolerance=1e-8))
    assert [block.layer for block in blocks] == ["0", "2", "4"]
    for block, indices in zip(blocks, layer_indices(minimum.places).values(), strict=True):
        part = matrix[indices][:, indices]
        expected = torch.linalg.eigvalsh(part).flip(0)
        scale = float(expected.abs().max())
        assert block.parameters == indices.numel()
        # The eigenvalue error is at most the residual, 1e-8 of the largest (Weyl).
        assert (block.eigenvalues - expected[:5]).abs().max() <= 1e-8 * scale
        assert block.residuals.max() <= 1e-8
        assert block.trace == pytest.approx(float(part.trace()), rel=1e-10)
        assert block.trace_standard_error is None


def test_blocks_of_a_partly_known_spectrum_hold_within_their_errors() -> None:
    minimum = network(30)
    operator = hessian(minimum)
    matrix = operator.matmat(torch.eye(minimum.dim, dtype=torch.float64))
    spectrum = operator_spectrum(operator, Wanted(top_k=5, tolerance=1e-4), route="lanczos")
    assert not spectrum.complete
    misses = []
    for seed in range(6):
        for block, indices in zip(
            layer_blocks(minimum, spectrum, run=Run(seed=seed)),
            layer_indices(minimum.places).values(),
            strict=True,
        ):
            part = matrix[indices][:, indices]
            expected = torch.linalg.eigvalsh(part).flip(0)
            scale = float(expected.abs().max())
            assert (block.eigenvalues - expected[:5]).abs().max() <= 1e-3 * scale
            assert block.residuals.max() <= 1e-3
            assert block.trace_standard_error is not None
            misses.append((block.trace - float(part.trace())) / block.trace_standard_error)
    # Student's t with 15 degrees of freedom, 18 draws of which those of one seed are correlated.
    assert max(abs(miss) for miss in misses) < 5
    assert abs(sum(misses)) / len(misses) <= 3 * math.sqrt(15 / 13 / 6)


def test_too_few_probes_are_refused() -> None:
    minimum = network(7)
    with pytest.raises(ValueError, match="1 probes give no standard error"):
        layer_blocks(minimum, compute_spectrum(minimum), probes=1)
