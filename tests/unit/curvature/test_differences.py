"""Products by differences of gradients are within what they state of exact ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.differences import Differences
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.spectrum.spectrum import operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


def minimum(dtype: torch.dtype, *, width: int = 12, steps: int = 200) -> Minimum:
    """A trained network: its top eigenvalue is many times what a random direction sees."""
    torch.manual_seed(width)
    x, y = torch.randn(40, 5), torch.arange(40) % 3
    network = nn.Sequential(
        nn.Linear(5, width), nn.Tanh(), nn.LayerNorm(width), nn.Linear(width, 3)
    )
    descent = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(steps):
        descent.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        descent.step()
    return prepare(network, x, y, dtype=dtype)


def gradient(minimum: Minimum, theta: Tensor) -> Tensor:
    theta = theta.detach().requires_grad_()
    logits = minimum.logits(theta, minimum.inputs)
    return torch.autograd.grad(minimum.loss.mean(logits, minimum.targets), theta)[0]


def by_differences(minimum: Minimum) -> Differences:
    return Differences(lambda theta: gradient(minimum, theta), minimum.theta)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 2e-3), (torch.float64, 1e-7)])
@pytest.mark.parametrize("width", [6, 30])
def test_every_product_is_within_its_bound(dtype: torch.dtype, most: float, width: int) -> None:
    single = minimum(dtype, width=width)
    exact = hessian(minimum(torch.float64, width=width))
    values, vectors = torch.linalg.eigh(exact.matmat(torch.eye(exact.dim).double()))
    random = torch.randn(6, exact.dim, generator=torch.Generator().manual_seed(1))
    for v in [*vectors.T[-4:], *random.double()]:
        made = by_differences(single)
        truth = exact.matvec(v)
        found = made.product(v.to(dtype)).double()
        assert float((found - truth).norm()) <= made.worst * float(truth.norm())
        assert made.worst <= most
    assert float(values[-1]) > 0


def test_the_top_of_the_spectrum_is_that_of_exact_products() -> None:
    case = minimum(torch.float64)
    made = by_differences(case)
    found = operator_spectrum(made.operator, Wanted(3, 1e-6), route="lanczos")
    exact = torch.linalg.eigvalsh(hessian(case).matmat(torch.eye(case.dim).double()))
    assert torch.allclose(found.eigenvalues, exact.flip(0)[:3], rtol=1e-6, atol=0)
    assert "differences of gradients" in made.sentence


def test_a_kink_is_refused_and_nothing_is_nothing() -> None:
    """∇|θ| jumps at every entry of θ = 0."""
    made = Differences(torch.sign, torch.zeros(7).double())
    with pytest.raises(ValueError, match="do not settle at any step"):
        made.product(torch.ones(7).double())
    assert not made.product(torch.zeros(7).double()).any()
