"""Every loss against autograd: values' derivatives, its law, and what it says of targets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, vmap

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.loss import Loss
from minimascope.objective.named import LOSSES, loss_named

N = 7
WIDTHS = {"cross_entropy": 4, "binary": 1, "mse": 3}
# Sums of at most four float64 terms of order one.
ROUNDING = 1e-14


def case(loss: Loss) -> tuple[Tensor, Tensor]:
    """Logits and targets."""
    torch.manual_seed(0)
    f = torch.randn(N, WIDTHS[loss.name], dtype=torch.float64)
    classes = loss.classes(f.shape[1])
    y = torch.randn_like(f) if classes is None else torch.arange(N) % classes
    return f, y


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> Loss:
    return loss_named(request.param)


def test_the_residual_is_the_gradient_of_the_value(loss: Loss) -> None:
    f, y = case(loss)
    expected = grad(lambda logits: loss.values(logits, y).sum())(f)
    assert (loss.residual(f, y) - expected).abs().max() <= ROUNDING


def test_the_three_curvatures_are_the_second_derivative(loss: Loss) -> None:
    f, y = case(loss)

    def one(logits: Tensor, target: Tensor) -> Tensor:
        return loss.values(logits[None], target[None]).sum()

    expected = vmap(hessian(one))(f, y)
    assert (loss.curvatures(f, y) - expected).abs().max() <= ROUNDING
    half = loss.half_curvature(f, y)
    assert (half @ half.mT - expected).abs().max() <= ROUNDING
    tangents = torch.randn(3, *f.shape, dtype=torch.float64)
    pushed = torch.einsum("nkl,bnl->bnk", expected, tangents)
    assert (loss.curvature_map(f, y)(tangents) - pushed).abs().max() <= 10 * ROUNDING


def test_the_mean_is_that_of_the_values(loss: Loss) -> None:
    f, y = case(loss)
    assert float(loss.mean(f, y)) == pytest.approx(float(loss.values(f, y).mean()), rel=1e-14)


def test_sampled_residuals_have_mean_zero_and_the_curvature_as_covariance(loss: Loss) -> None:
    f, y = case(loss)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([loss.sampled_residual(f, generator) for _ in range(2000)])
    moments = torch.einsum("snk,snl->snkl", draws, draws)
    for samples, expected in ((draws, torch.zeros_like(f)), (moments, loss.curvatures(f, y))):
        error = samples.std(0) / len(samples) ** 0.5
        # At most 7·16 numbers: 4.5 standard errors fail once in a thousand; the seed is fixed.
        assert ((samples.mean(0) - expected).abs() <= 4.5 * error + 1e-12).all()


@pytest.mark.parametrize("loss", [CrossEntropy(), Binary()])
def test_residuals_keep_their_digits_where_the_network_is_certain(loss: Loss) -> None:
    f = torch.tensor([[60.0, 0.0], [0.0, 60.0]], dtype=torch.float64)
    f = f if loss == CrossEntropy() else f[:, 1:] - f[:, :1]
    residual = loss.residual(f, torch.tensor([0, 1]))
    # P − 1 rounds to 0 here; to first order the residual is exp(−60).
    expected = torch.full((2,), -60.0, dtype=torch.float64).exp()
    assert torch.allclose(residual.abs().amax(dim=1), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("loss", [CrossEntropy(), Binary()])
def test_classes_are_those_of_the_largest_probability(loss: Loss) -> None:
    f, y = case(loss)
    P = loss.probabilities(f)
    assert torch.allclose(P.sum(dim=1), torch.ones(N, dtype=torch.float64))
    assert P.shape[1] == loss.classes(f.shape[1])
    assert torch.equal(loss.predicted(f), P.argmax(dim=1))
    assert torch.equal(loss.correct(f, y), P.argmax(dim=1) == y)
    # A margin is positive exactly where the label is the likeliest class.
    assert torch.equal(loss.margins(f, y) > 0, loss.correct(f, y))
    # −log P of the label, whichever way it is written.
    assert torch.allclose(loss.values(f, y), -P.gather(1, y[:, None])[:, 0].log(), rtol=1e-12)


def test_a_loss_that_does_not_classify_says_so() -> None:
    f, y = case(Gaussian())
    for asked in (Gaussian().probabilities, Gaussian().predicted):
        with pytest.raises(TypeError, match="The loss mse"):
            asked(f)
    with pytest.raises(TypeError, match="The loss mse"):
        Gaussian().margins(f, y)


def test_guessing_is_the_best_constant(loss: Loss) -> None:
    _, y = case(loss)
    constant = torch.zeros(WIDTHS[loss.name], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([constant], max_iter=200, tolerance_grad=1e-12)

    def closure() -> float:
        optimizer.zero_grad()
        value = loss.mean(constant.expand(N, -1), y)
        value.backward()
        return float(value.detach())

    optimizer.step(closure)
    best = float(loss.mean(constant.expand(N, -1), y).detach())
    assert loss.of_best_constant(y) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "said"),
    [
        ("cross_entropy", 3, torch.tensor([0, 3]), "Label 3 is outside 0..2"),
        ("cross_entropy", 3, torch.tensor([0.5, 1.0]), "needs integer class labels"),
        ("binary", 1, torch.tensor([0, 2]), "Label 2 is outside 0..1"),
        ("binary", 2, torch.tensor([0, 1]), "needs one logit an example; the network has 2"),
        ("mse", 2, torch.zeros(2, 3), "mse needs 2 targets an example"),
        ("mse", 2, torch.zeros(3, 2), "2 inputs came with 3 targets"),
    ],
)
def test_targets_of_another_loss_are_refused_with_the_value(
    name: str, outputs: int, targets: Tensor, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        loss_named(name).check_targets(torch.zeros(2, outputs), targets)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'hinge': there are cross_entropy, binary, mse"):
        loss_named("hinge")
