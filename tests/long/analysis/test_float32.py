"""An analysis asked for in float32: the same minimum, the same verdict, fewer digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.contract.parameters import Parameters
from tests.cases.analyses import analysed, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network of p = 21,004 that Lanczos has to do, trained on blobs."""
    torch.manual_seed(0)
    labels = torch.arange(120) % 4
    inputs = torch.randn(120, 100) + 1.5 * nn.functional.one_hot(labels, 100)
    network = nn.Sequential(nn.Linear(100, 200), nn.GELU(), nn.Linear(200, 4))
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=60)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        decay = 0.05 * sum(q.square().sum() for q in network.parameters())
        value = nn.functional.cross_entropy(network(inputs), labels) + decay
        value.backward()
        return value

    optimiser.step(loss)
    save(tmp_path, network, (inputs, labels))
    return tmp_path


def test_float32_gives_the_numbers_of_float64_to_its_own_precision(folder: Path) -> None:
    asked: dict[str, Any] = {
        "architecture": {"family": "mlp", "activation": "gelu"},
        "weight_decay": 0.1,
    }
    asked["stages"] = ["spectrum", "density", "gap", "margins"]
    double, single = (
        analysed(folder, Parameters(**asked, top_k=6, dtype=dtype))
        for dtype in ("float64", "float32")
    )
    exact, rounded = double[0].spectrum, single[0].spectrum
    assert exact is not None
    assert rounded is not None
    assert exact.plan is not None
    assert exact.plan.route == "lanczos"
    scale = exact.eigenvalues[0]
    assert np.allclose(exact.eigenvalues, rounded.eigenvalues, rtol=0, atol=1e-5 * scale)
    assert all(rounded.converged)
    assert max(rounded.residuals) <= 1e-5
    assert rounded.lambda_min == pytest.approx(exact.lambda_min, abs=1e-3 * scale)
    errors = [each.trace.standard_error or 0.0 for each in (exact, rounded)]
    assert abs(exact.trace.value - rounded.trace.value) <= 5 * sum(errors)
    assert exact.density is not None
    assert rounded.density is not None
    # Probes are content with float32 in either case; where all is float32 there is no other.
    assert "float32" in (exact.density.method or "")
    assert "float32" not in (rounded.density.method or "")
    assert double[0].gap is not None
    assert single[0].gap is not None
    assert single[0].gap.verdict == double[0].gap.verdict
    assert single[0].gap.headline is not None
    assert double[0].gap.headline is not None
    assert single[0].gap.headline.value == pytest.approx(double[0].gap.headline.value, rel=1e-3)
    margins = [each[1].arrays["margins"] for each in (double, single)]
    assert np.allclose(*margins, rtol=1e-3, atol=1e-5, equal_nan=True)
