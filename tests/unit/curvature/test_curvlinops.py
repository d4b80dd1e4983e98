"""Operators and their spectra against curvlinops, which shares none of this code."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from minimascope.curvature.krylov.slq import ProbeSize, spectral_sum
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.fisher import sampled_fisher
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator, restrict
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.density import operator_density
from minimascope.curvature.spectrum.spectrum import compute_spectrum, operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from tests.cases.reference_networks import GAP, gap_minimum

with warnings.catch_warnings():
    # linear_operator, which curvlinops imports, still calls torch.jit.script on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    import curvlinops
    from curvlinops.papyan2020traces.spectrum import fast_lanczos

# Sums of a few hundred float64 products in another order.
EXACT = 1e-10


class Attention(nn.Module):
    """One head, written out: curvlinops needs forward-mode rules, which fused attention lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.keys, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        scores = self.queries(tokens) @ self.keys(tokens).transpose(1, 2)
        return self.head((scores.softmax(2) @ tokens).mean(1))


def mlp(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU()).append(
        nn.Linear(5, outputs)
    )


def convolutional() -> nn.Module:
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(12, 3))


def labels(classes: int) -> Tensor:
    return torch.arange(8) % classes


CASES: dict[str, Callable[[], Minimum]] = {
    "MLP": lambda: prepare(mlp(3), torch.randn(8, 4), labels(3)),
    "convolution": lambda: prepare(convolutional(), torch.randn(8, 1, 4, 4), labels(3)),
    "attention": lambda: prepare(Attention(), torch.randn(8, 5, 4), labels(3)),
    "binary": lambda: prepare(mlp(1), torch.randn(8, 4), labels(2), loss="binary"),
    "regression": lambda: prepare(mlp(2), torch.randn(8, 4), torch.randn(8, 2), loss="mse"),
}


@pytest.fixture(params=CASES)
def minimum(request: pytest.FixtureRequest) -> Minimum:
    torch.manual_seed(0)
    return CASES[request.param]()


def theirs(kind: str, minimum: Minimum, **options: Any) -> Any:
    """Their operator, scaled to our loss: ½‖f − y‖² is K/2 times the mean of squares."""
    losses = {"cross_entropy": nn.CrossEntropyLoss, "binary": nn.BCEWithLogitsLoss}
    loss = losses.get(minimum.loss.name, nn.MSELoss)()
    targets = minimum.targets
    if minimum.loss.name == "binary":
        targets = targets.double()[:, None]
    scale = 1.0
    if minimum.loss.name == "mse":  # the gradient second moment is quadratic in the loss
        scale = minimum.targets.shape[1] / (4 if kind == "EF" else 2)
    parameters = [q for q in minimum.network.parameters() if q.requires_grad]
    data = [(minimum.inputs, targets)]
    operator = getattr(curvlinops, f"{kind}LinearOperator")(
        minimum.network, loss, parameters, data, **options
    )
    return scale * operator


def their_matrix(kind: str, minimum: Minimum, **options: Any) -> Tensor:
    identity = torch.eye(minimum.dim, dtype=torch.float64)
    return (theirs(kind, minimum, **options) @ identity).detach()


def matrix(operator: Operator) -> Tensor:
    return operator.matmat(torch.eye(operator.dim, dtype=operator.dtype))


@pytest.mark.parametrize(
    ("kind", "ours"), [("Hessian", hessian), ("GGN", ggn), ("EF", gradient_second_moment)]
)
def test_operators_equal_curvlinops(
    minimum: Minimum, kind: str, ours: Callable[[Minimum], Operator]
) -> None:
    expected, found = their_matrix(kind, minimum), matrix(ours(minimum))
    assert (found - expected).abs().max() <= EXACT
    indices = torch.arange(2, 12)
    block = matrix(restrict(ours(minimum), indices))
    assert (block - expected[indices][:, indices]).abs().max() <= EXACT


WEIGHTS = (0.5, 1.0, 3.0)
# Their second moment takes gradients of other units for these: it is tested against autograd.
CRITERIA: dict[str, tuple[Loss, nn.Module, Callable[[], Tensor]]] = {
    "smoothed": (
        CrossEntropy(0.1),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        lambda: labels(3),
    ),
    "smoothed, class weights": (
        CrossEntropy(0.1, WEIGHTS),
        nn.CrossEntropyLoss(torch.tensor(WEIGHTS, dtype=torch.float64), label_smoothing=0.1),
        lambda: labels(3),
    ),
    "soft labels": (
        CrossEntropy(),
        nn.CrossEntropyLoss(),
        lambda: torch.randn(8, 3, dtype=torch.float64).softmax(1),
    ),
    "several labels": (
        MultiLabel(WEIGHTS),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHTS, dtype=torch.float64)),
        lambda: (torch.rand(8, 3) < 0.5).double(),
    ),
    "squares": (TorchMse(), nn.MSELoss(), lambda: torch.randn(8, 3, dtype=torch.float64)),
}


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize(("kind", "ours"), [("Hessian", hessian), ("GGN", ggn)])
def test_losses_equal_theirs(name: str, kind: str, ours: Callable[[Minimum], Operator]) -> None:
    torch.manual_seed(0)
    loss, criterion, targets = CRITERIA[name]
    case = prepare(mlp(3), torch.randn(8, 4), targets(), loss=loss)
    data = [(case.inputs, case.targets)]
    parameters = list(case.network.parameters())
    operator = getattr(curvlinops, f"{kind}LinearOperator")(
        case.network, criterion, parameters, data
    )
    expected = (operator @ torch.eye(case.dim, dtype=torch.float64)).detach()
    assert (matrix(ours(case)) - expected).abs().max() <= EXACT


@pytest.mark.parametrize("name", ["MLP", "convolution", "attention"])
def test_the_gradient_covariance_is_their_moment_less_the_mean(name: str) -> None:
    torch.manual_seed(0)
    case = CASES[name]()
    loss = nn.functional.cross_entropy(case.network(case.inputs), case.targets)
    parts = torch.autograd.grad(loss, list(case.network.parameters()))
    mean = torch.cat([part.reshape(-1) for part in parts])
    expected = their_matrix("EF", case) - torch.outer(mean, mean)
    assert (matrix(gradient_second_moment(case, "centred")) - expected).abs().max() <= EXACT


def test_sampled_fishers_have_one_mean() -> None:
    torch.manual_seed(0)
    case = CASES["MLP"]()
    draws = torch.stack([matrix(sampled_fisher(case, seed=seed)) for seed in range(200)])
    error = draws.std(0) / 200**0.5
    expected = their_matrix("FisherMC", case, mc_samples=1000, seed=1)
    # Theirs has five times the draws, hence 1/√5 of our error: 5.5 of ours are 5 of both. About
    # 3,400 different entries, seeds are fixed.
    assert ((draws.mean(0) - expected).abs() <= 5.5 * error + EXACT).all()


def test_top_eigenvalues_equal_those_of_their_operator_and_arpack() -> None:
    torch.manual_seed(0)
    case = CASES["MLP"]()
    values = eigsh(
        theirs("Hessian", case).to_scipy(), k=5, which="LA", return_eigenvectors=False, tol=1e-12
    )
    found = compute_spectrum(case, Wanted(top_k=5))
    expected = torch.from_numpy(np.sort(values)[::-1].copy())
    assert (found.eigenvalues - expected).abs().max() <= EXACT


def mean_and_error(samples: list[float]) -> tuple[float, float]:
    values = torch.tensor(samples, dtype=torch.float64)
    return float(values.mean()), float(values.std()) / len(samples) ** 0.5


# Our eight and their six samples: t with about ten degrees of freedom, seeds are fixed.
ERRORS = 5


@pytest.fixture(scope="module")
def digits_network() -> Minimum:
    return gap_minimum(GAP[0]).minimum


def test_spectral_sums_of_the_density_agree_with_their_quadrature(digits_network: Minimum) -> None:
    found = operator_spectrum(hessian(digits_network), Wanted(top_k=5), route="lanczos")
    rules = operator_density(
        hessian(digits_network), found, ProbeSize(probes=8, steps=15), run=Run(seed=1)
    ).rules
    torch.manual_seed(2)
    operator = theirs("Hessian", digits_network)
    chains = [fast_lanczos(operator, 15) for _ in range(6)]
    for damping in (1e-3, 1e-1):

        def rank(values: Tensor, damping: float = damping) -> Tensor:
            return values.clamp(min=0) / (values.clamp(min=0) + damping)

        ours, error = spectral_sum(found.known_eigenvalues, rules, rank)
        sums = [
            digits_network.dim * float((vectors[0].square() * rank(values)).sum())
            for values, vectors in chains
        ]
        expected, theirs_error = mean_and_error(sums)
        assert error is not None
        assert abs(ours - expected) <= ERRORS * (error**2 + theirs_error**2) ** 0.5
        assert theirs_error < 0.2 * expected  # or the comparison would say nothing


def test_the_trace_agrees_with_their_hutchpp(digits_network: Minimum) -> None:
    found = operator_spectrum(
        hessian(digits_network), Wanted(top_k=5, tolerance=1e-3), route="lanczos"
    )
    torch.manual_seed(3)
    operator = theirs("Hessian", digits_network)
    expected, error = mean_and_error(
        [float(curvlinops.hutchpp_trace(operator, 30)) for _ in range(6)]
    )
    assert found.trace is not None
    assert found.trace_standard_error is not None
    together = (found.trace_standard_error**2 + error**2) ** 0.5
    assert abs(found.trace - expected) <= ERRORS * together
    assert together < 0.05 * expected
