"""Products of next-token losses, whose logits never stand at once, against dense autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import layout, token_head
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.token_head import token_head as head_of
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.tokens import TokenCrossEntropy
from tests.cases.watched_results import LargestLogits

WORDS, WIDTH, LENGTH, SEQUENCES = 11, 4, 5, 3


class Tiny(nn.Module):
    """Embedding, causal attention and a tanh layer, then a logit for every word."""

    def __init__(self, *, tied: bool, bias: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.mixed = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, WORDS, bias=bias)
        if tied:
            self.head.weight = self.words.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids)
        x = x + nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
        return self.head(torch.tanh(self.mixed(x)))[:, :-1]


class Adapted(nn.Module):
    """A frozen layer and what LoRA adds to it (Hu et al. 2022, section 4.1)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(torch.randn(1, layer.in_features))
        self.up = nn.Parameter(torch.randn(layer.out_features, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + x @ self.down.T @ self.up.T


def minimum(kind: str) -> Minimum:
    torch.manual_seed(0)
    network: nn.Module = Tiny(tied=kind == "tied", bias=kind == "bias")
    if kind == "LoRA":
        network.mixed = Adapted(network.mixed)
    ids = torch.randint(WORDS, (SEQUENCES, LENGTH))
    labels = ids[:, 1:].clone()
    labels[0, :2] = -100
    for name, parameter in network.named_parameters():
        frozen = {"only the head": "mixed words", "only the body": "head"}.get(kind, "")
        trained = name.split(".")[0] not in frozen.split()
        parameter.requires_grad_(name.endswith(("up", "down")) if kind == "LoRA" else trained)
    each = CrossEntropy()
    if kind == "weights and smoothing":
        each = CrossEntropy(0.1, tuple(torch.rand(WORDS).tolist()))
    return prepare(network, ids, labels, loss=TokenCrossEntropy(each))


KINDS = (
    "tied",
    "untied",
    "bias",
    "only the head",
    "only the body",
    "weights and smoothing",
    "LoRA",
)


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Minimum:
    """Three positions' logits at a time."""
    monkeypatch.setattr(token_head, "CHUNK_BYTES", 3 * WORDS * 8)
    found = minimum(request.param)
    assert head_of(found) is not None
    return found


def mean_loss(case: Minimum, theta: Tensor) -> Tensor:
    f = case.logits(theta, case.inputs).flatten(1)
    return case.loss.values(f, case.targets).mean()


def test_a_hessian_product_is_autograds(case: Minimum) -> None:
    dense = torch.func.hessian(lambda q: mean_loss(case, q))(case.theta)
    found = hessian(case, chunk=2).matmat(torch.eye(case.dim, dtype=torch.float64))
    torch.testing.assert_close(found, dense, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kept", [0, 2**20])
def test_a_ggn_product_is_that_of_the_jacobian(
    case: Minimum, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J v by forward mode, or through the graph of the pullback where that is small."""
    monkeypatch.setattr(layout, "PULLBACK_BYTES", kept)
    J = torch.func.jacrev(lambda q: case.logits(q, case.inputs).flatten(1))(case.theta)
    f = case.logits(case.theta, case.inputs).flatten(1).detach()
    Λ = case.loss.curvatures(f, case.targets)
    dense = torch.einsum("ikp,ikl,ilq->pq", J, Λ, J) / case.n
    made = Ggn(case, chunk=2, retain="never")
    found = made.operator.matmat(torch.eye(case.dim, dtype=torch.float64))
    torch.testing.assert_close(found, dense, rtol=1e-10, atol=1e-14)
    root = torch.rand(case.dim, dtype=torch.float64)
    seen = Ggn(case, root=root).operator.matmat(torch.diag(root.reciprocal()))
    torch.testing.assert_close(seen, dense * root, rtol=1e-9, atol=1e-13)
    # A sequence's own share, and its own gradients, go through all of its logits.
    v, own = torch.randn(2, case.dim, dtype=torch.float64), torch.tensor([2, 0])
    less, seen = made.left_out(v, own)
    for row, i in enumerate(own.tolist()):
        torch.testing.assert_close(seen[row], J[i] @ v[row], rtol=1e-10, atol=1e-14)
        share = J[i].T @ Λ[i] @ J[i] / case.n
        torch.testing.assert_close(less[row], (dense - share) @ v[row], rtol=1e-9, atol=1e-13)
    g = made.gradient_sums(torch.ones(1, case.n, dtype=torch.float64))[0]
    mean = torch.func.grad(lambda q: mean_loss(case, q))(case.theta)
    torch.testing.assert_close(g / case.n, mean, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("which", ["hessian", "ggn"])
def test_no_more_logits_stand_than_a_chunk_has(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head's own weight, of WIDTH columns of WORDS, is the next larger."""
    monkeypatch.setattr(token_head, "CHUNK_BYTES", 3 * WORDS * 8)
    case = minimum("untied")
    operator = hessian(case) if which == "hessian" else Ggn(case).operator
    with LargestLogits(WORDS) as largest:
        operator.matvec(torch.ones(case.dim, dtype=torch.float64))
    assert largest.numbers // WORDS <= max(3, WIDTH)


def test_logits_that_are_capped_go_through_autograd() -> None:
    class Capped(Tiny):
        def forward(self, ids: Tensor) -> Tensor:
            return 3 * torch.tanh(super().forward(ids) / 3)

    torch.manual_seed(0)
    ids = torch.randint(WORDS, (SEQUENCES, LENGTH))
    case = prepare(Capped(tied=True, bias=False), ids, ids[:, 1:], loss=TokenCrossEntropy())
    assert head_of(case) is None
    v = torch.randn(case.dim, dtype=torch.float64)
    gradient = torch.func.grad(lambda q: mean_loss(case, q))
    dense = torch.func.jvp(gradient, (case.theta,), (v,))[1]
    torch.testing.assert_close(hessian(case).matvec(v), dense, rtol=1e-10, atol=1e-14)
