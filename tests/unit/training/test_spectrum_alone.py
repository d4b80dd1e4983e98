"""Asked for the spectrum alone, an analysis stops at the pairs that were asked for."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import minimascope
from minimascope.curvature.minimum.minimum import prepare
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


def in_the_midst_of_training() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """p = 1,564 and n·K = 256: little data, whose whole spectrum is within reach."""
    torch.manual_seed(0)
    sizes = (20, 32, 24, 4)
    layers = [each for a, b in itertools.pairwise(sizes) for each in (nn.Linear(a, b), nn.Tanh())]
    model = nn.Sequential(*layers[:-1])
    X = torch.randn(64, 20)
    y = (X[:, 0] > 0).long() + 2 * (X[:, 1] > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
    return model, X, y


def test_the_pairs_and_not_the_whole_range() -> None:
    model, X, y = in_the_midst_of_training()
    told = {"top_k": 2, "progress": False, "steps": 40}
    criterion = nn.CrossEntropyLoss()
    alone = minimascope.analyze(model, (X, y), criterion, stages=["spectrum"], **told).spectrum
    whole = compute_spectrum(prepare(model.double(), X.double(), y), Wanted(2))
    assert whole.complete
    assert alone.eigenvalues[:2] == pytest.approx(whole.eigenvalues.tolist(), rel=1e-9)
    assert alone.products < 150 < whole.products
    trace = alone.trace
    assert trace.standard_error > 0
    assert abs(trace.value - whole.trace) < 5 * trace.standard_error


def test_a_later_stage_still_gets_all_of_it() -> None:
    model, X, y = in_the_midst_of_training()
    stages = ["spectrum", "density"]
    told = {"top_k": 2, "progress": False, "steps": 40}
    report = minimascope.analyze(model, (X, y), nn.CrossEntropyLoss(), stages=stages, **told)
    assert report.spectrum.plan.route == "low_rank"
    assert report.spectrum.trace.standard_error is None
