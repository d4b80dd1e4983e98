"""Every loss is torch's own criterion: value, gradient and Hessian over generated cases."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import hessian

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian, TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.weighted import Weighted, with_weights

# Of numbers of order one, with weights up to 10 and logits up to about 20.
EXACT = 1e-10
EPSILON = st.sampled_from([0.0, 0.05, 0.3, 0.9])
SPREAD = st.sampled_from([0.1, 1.0, 5.0])
SEED = st.integers(0, 2**31)
SIZES = st.tuples(st.integers(1, 5), st.integers(2, 5))
Criterion = Callable[[Tensor], Tensor]


def drawn_weights(count: int) -> Tensor:
    """Positive but for the first of several, which is 0."""
    weights = 10 * torch.rand(count, dtype=torch.float64) + 1e-3
    if count > 2:
        weights[0] = 0
    return weights


def logits(n: int, outputs: int, spread: float, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return spread * torch.randn(n, outputs, dtype=torch.float64)


def check(loss: Loss, criterion: Criterion, f: Tensor, y: Tensor) -> None:
    """Mean, its gradient and its Hessian in all n × K logits."""
    loss, n = loss.of_data(y), len(f)
    assert (loss.mean(f, y) - criterion(f)).abs() <= EXACT * max(1.0, float(criterion(f)))
    leaf = f.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(criterion(leaf), leaf)
    assert (loss.residual(f, y) / n - gradient).abs().max() <= EXACT
    expected = hessian(criterion)(f)
    blocks = torch.stack([expected[i, :, i] for i in range(n)])
    assert (loss.curvatures(f, y) / n - blocks).abs().max() <= EXACT
    half = loss.half_curvature(f, y)
    assert (half @ half.mT / n - blocks).abs().max() <= EXACT
    tangents = torch.randn(2, *f.shape, dtype=torch.float64)
    pushed = torch.einsum("nkl,bnl->bnk", blocks, tangents)
    assert (loss.curvature_map(f, y)(tangents) / n - pushed).abs().max() <= EXACT


@settings(deadline=None, max_examples=40)
@given(SIZES, EPSILON, SPREAD, SEED, st.booleans())
def test_cross_entropy_of_labels(
    sizes: tuple[int, int], epsilon: float, spread: float, seed: int, weighs: bool
) -> None:
    n, K = sizes
    f = logits(n, K, spread, seed)
    y = torch.randint(0, K, (n,))
    weights = drawn_weights(K)
    y[0] = K - 1  # one example at least whose class has a weight
    told = tuple(weights.tolist()) if weighs else None
    criterion = nn.CrossEntropyLoss(weights if weighs else None, label_smoothing=epsilon)
    check(CrossEntropy(epsilon, told), lambda f: criterion(f, y), f, y)


@settings(deadline=None, max_examples=40)
@given(SIZES, EPSILON, SPREAD, SEED, st.booleans())
def test_cross_entropy_of_soft_labels(
    sizes: tuple[int, int], epsilon: float, spread: float, seed: int, weighs: bool
) -> None:
    f = logits(*sizes, spread, seed)
    y, weights = (3 * torch.randn_like(f)).softmax(1), drawn_weights(sizes[1])
    told = tuple(weights.tolist()) if weighs else None
    criterion = nn.CrossEntropyLoss(weights if weighs else None, label_smoothing=epsilon)
    check(CrossEntropy(epsilon, told), lambda f: criterion(f, y), f, y)


@settings(deadline=None, max_examples=20)
@given(SIZES, SPREAD, SEED, st.sampled_from([None, 0.1, 7.0]))
def test_binary(sizes: tuple[int, int], spread: float, seed: int, positive: float | None) -> None:
    f = logits(sizes[0], 1, spread, seed)
    y = torch.randint(0, 2, (sizes[0],))
    told = None if positive is None else torch.tensor(positive, dtype=torch.float64)
    criterion = nn.BCEWithLogitsLoss(pos_weight=told)
    check(Binary(positive), lambda f: criterion(f[:, 0], y.double()), f, y)


@settings(deadline=None, max_examples=20)
@given(SIZES, SPREAD, SEED, st.booleans(), st.booleans())
def test_several_labels(
    sizes: tuple[int, int], spread: float, seed: int, weighs: bool, soft: bool
) -> None:
    f = logits(*sizes, spread, seed)
    y = torch.rand_like(f) if soft else (torch.rand_like(f) < 0.4).long()
    weights = drawn_weights(sizes[1])
    told = tuple(weights.tolist()) if weighs else None
    criterion = nn.BCEWithLogitsLoss(pos_weight=weights if weighs else None)
    check(MultiLabel(told), lambda f: criterion(f, y.double()), f, y)


@settings(deadline=None, max_examples=20)
@given(SIZES, SEED)
def test_squares(sizes: tuple[int, int], seed: int) -> None:
    f = logits(*sizes, 1.0, seed)
    y, n = torch.randn_like(f), sizes[0]
    check(TorchMse(), lambda f: nn.MSELoss()(f, y), f, y)
    check(Gaussian(), lambda f: 0.5 * nn.MSELoss(reduction="sum")(f, y) / n, f, y)


@settings(deadline=None, max_examples=20)
@given(SIZES, SPREAD, SEED, EPSILON)
def test_weights_of_examples_multiply_the_terms_of_a_mean_over_n(
    sizes: tuple[int, int], spread: float, seed: int, epsilon: float
) -> None:
    f = logits(*sizes, spread, seed)
    n, K = sizes
    w, labels, rows = drawn_weights(n), torch.randint(0, K, (n,)), torch.randn_like(f)
    smoothed = nn.CrossEntropyLoss(reduction="none", label_smoothing=epsilon)
    packed = with_weights(labels, w)
    check(Weighted(CrossEntropy(epsilon)), lambda f: (w * smoothed(f, labels)).mean(), f, packed)
    squares = nn.MSELoss(reduction="none")
    packed = with_weights(rows, w)
    check(Weighted(TorchMse(), "rows"), lambda f: (w[:, None] * squares(f, rows)).mean(), f, packed)


def test_soft_targets_keep_their_digits_where_the_network_is_certain() -> None:
    f = torch.tensor([[60.0, 0.0, 0.0]], dtype=torch.float64)
    loss = CrossEntropy(class_weights=(0.5, 1.0, 2.0)).of_data(torch.tensor([0]))
    soft = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    tiny = torch.tensor(-60.0, dtype=torch.float64).exp()
    expected = torch.stack([-2 * tiny, tiny, tiny])
    for residual in (loss.residual(f, torch.tensor([0])), CrossEntropy().residual(f, soft)):
        assert torch.allclose(residual[0], expected, rtol=1e-12, atol=0)
