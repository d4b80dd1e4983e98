"""KFAC, the diagonal and the GGN product against curvlinops, which shares none of this code."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.gap.kfac import kfac_soft_rank, kfac_tic, kronecker_blocks
from minimascope.curvature.layers.jacobian import jacobian
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn, ggn_diagonal
from minimascope.objective.likelihood import Likelihood

with warnings.catch_warnings():
    # linear_operator, which curvlinops imports, still calls torch.jit.script on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    from curvlinops import GGNLinearOperator, KFACLinearOperator

LAMBDA = 0.03
# Sums of a few hundred float64 products in another order, inverted at λ₁/λ below 1e3.
EXACT = 1e-9


@dataclass(frozen=True)
class Case:
    """A network with its dense GGN and KFAC matrices as curvlinops has them."""

    minimum: Minimum
    likelihood: Likelihood
    ggn: Tensor
    kfac: Tensor


NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 4)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)
    ),
    # More inputs than the 30 examples, so that A is known from its rows alone.
    "wide": lambda: nn.Linear(40, 4),
}
SHAPES = {"mlp": (5,), "cnn": (1, 6, 6), "wide": (40,)}


@pytest.fixture(params=sorted(NETWORKS))
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(0)
    X = torch.randn(30, *SHAPES[request.param])
    minimum = prepare(NETWORKS[request.param](), X, torch.randint(0, 4, (30,)))
    given = (
        minimum.network,
        nn.CrossEntropyLoss(),
        list(minimum.network.parameters()),
        [(minimum.inputs, minimum.targets)],
    )
    eye = torch.eye(minimum.dim, dtype=torch.float64)
    kfac = KFACLinearOperator(*given, fisher_type="type-2", separate_weight_and_bias=False)
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    return Case(minimum, likelihood, GGNLinearOperator(*given) @ eye, kfac @ eye)


def test_ggn_product_equals_the_dense_matrix(case: Case) -> None:
    eye = torch.eye(case.minimum.dim, dtype=torch.float64)
    ours = ggn(case.minimum).matmat(eye)
    assert torch.allclose(ours, case.ggn, rtol=EXACT, atol=1e-14)


def test_diagonal_equals_that_of_the_dense_matrix(case: Case) -> None:
    ours = ggn_diagonal(case.minimum, case.likelihood)
    assert torch.allclose(ours, case.ggn.diagonal(), rtol=EXACT, atol=1e-14)


def test_kronecker_eigenvalues_and_soft_rank_equal_those_of_the_dense_matrix(case: Case) -> None:
    blocks = kronecker_blocks(case.minimum, case.likelihood)
    theirs = torch.linalg.eigvalsh(case.kfac)
    ours = torch.zeros_like(theirs)
    known = torch.cat([block.eigenvalues.flatten() for block in blocks]).sort().values
    ours[theirs.shape[0] - known.shape[0] :] = known
    assert torch.allclose(ours, theirs, rtol=EXACT, atol=1e-13)
    rank = kfac_soft_rank(blocks, case.minimum.theta[:0], LAMBDA)
    assert rank == pytest.approx(float((theirs / (theirs + LAMBDA)).sum()), rel=EXACT)


def test_kfac_tic_is_the_trace_against_the_dense_inverse(case: Case) -> None:
    J = jacobian(case.minimum, case.minimum.inputs)
    G = torch.einsum("nkp,nk->np", J, case.likelihood.residual)
    centred = G - G.mean(dim=0)
    A = case.kfac + LAMBDA * torch.eye(case.minimum.dim, dtype=torch.float64)
    n = case.minimum.n
    dense = float((centred * torch.linalg.solve(A, centred.mT).mT).sum()) / n**2
    ours = kfac_tic(kronecker_blocks(case.minimum, case.likelihood), n, LAMBDA)
    assert ours == pytest.approx(dense, rel=EXACT)
