"""Every loss against autograd: values' derivatives, its law, and what it says of targets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, vmap

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian, TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.named import loss_named
from minimascope.objective.weighted import Weighted, with_weights
from tests.cases.losses import CASES, Case

N = 7
# Sums of at most four float64 terms of order one.
ROUNDING = 1e-14


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_the_residual_is_the_gradient_of_the_value(case: Case) -> None:
    loss, f, y = case.ready(N)
    expected = grad(lambda logits: loss.values(logits, y).sum())(f)
    assert (loss.residual(f, y) - expected).abs().max() <= ROUNDING


def test_the_three_curvatures_are_the_second_derivative(case: Case) -> None:
    loss, f, y = case.ready(N)

    def one(logits: Tensor, target: Tensor) -> Tensor:
        return loss.values(logits[None], target[None]).sum()

    expected = vmap(hessian(one))(f, y)
    assert (loss.curvatures(f, y) - expected).abs().max() <= ROUNDING
    half = loss.half_curvature(f, y)
    assert (half @ half.mT - expected).abs().max() <= ROUNDING
    tangents = torch.randn(3, *f.shape, dtype=torch.float64)
    pushed = torch.einsum("nkl,bnl->bnk", expected, tangents)
    assert (loss.curvature_map(f, y)(tangents) - pushed).abs().max() <= 10 * ROUNDING


def test_the_mean_is_that_of_the_values(case: Case) -> None:
    loss, f, y = case.ready(N)
    assert float(loss.mean(f, y)) == pytest.approx(float(loss.values(f, y).mean()), rel=1e-14)


def test_sampled_residuals_have_mean_zero_and_the_curvature_as_covariance(case: Case) -> None:
    loss, f, y = case.ready(N)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([loss.sampled_residual(f, y, generator) for _ in range(2000)])
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
    _, f, y = CASES["binary" if loss == Binary() else "cross entropy"].ready(N)
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
    f = torch.zeros(2, 3)
    for loss in (Gaussian(), MultiLabel()):
        for asked in (loss.probabilities, loss.predicted, loss.labels):
            with pytest.raises(TypeError, match=f"The loss {loss.name}"):
                asked(f)
        with pytest.raises(TypeError, match=f"The loss {loss.name}"):
            loss.margins(f, f)
    with pytest.raises(TypeError, match="no variance of its own"):
        CrossEntropy().dispersion(f, f)


def test_guessing_is_the_best_constant(case: Case) -> None:
    loss, f, y = case.ready(N)
    constant = torch.zeros(f.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [constant], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        value = loss.mean(constant.expand(N, -1), y)
        value.backward()
        return float(value.detach())

    optimizer.step(closure)
    best = float(loss.mean(constant.expand(N, -1), y).detach())
    assert loss.of_best_constant(y, f.shape[1]) == pytest.approx(best, rel=1e-9)


def test_the_plain_loss_takes_the_same_targets_and_knows_no_weights(case: Case) -> None:
    loss, f, y = case.ready(N)
    plain = loss.plain
    assert plain == plain.plain == plain.of_data(y)
    plain.check_targets(f, y)
    soft_or_same = {"soft labels", "weighted soft labels"}
    name = next(name for name, each in CASES.items() if each is case)
    if loss.classifies and name not in soft_or_same and "soft" not in name:
        P = loss.probabilities(f)
        expected = -P.gather(1, loss.labels(y)[:, None])[:, 0].log()
        assert torch.allclose(plain.values(f, y), expected, rtol=1e-12)


def test_losses_of_several_labels_are_right_by_the_share_of_labels() -> None:
    f = torch.tensor([[1.0, -1.0], [2.0, 3.0]])
    assert MultiLabel().correct(f, torch.tensor([[1, 0], [0, 1]])).tolist() == [1.0, 0.5]


def test_soft_labels_are_right_where_their_largest_is_the_likeliest() -> None:
    f = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    y = torch.tensor([[0.6, 0.4], [0.7, 0.3]])
    assert CrossEntropy().correct(f, y).tolist() == [True, False]
    assert CrossEntropy().margins(f, y).tolist() == [1.0, -1.0]


def test_the_dispersion_is_the_best_power_of_the_law() -> None:
    for name in ("squares", "torch's squares", "weighted squares"):
        loss, f, y = CASES[name].ready(N)
        K = f.shape[1]
        # exp(−ℓ/T) of squares over T/(2c): log-normaliser K/2 log T, least where T is as said.
        if name != "weighted squares":
            expected = 2 * float(loss.values(f, y).mean()) / K
            assert loss.dispersion(f, y) == pytest.approx(expected, rel=1e-12)
        else:
            assert loss.dispersion(f, y) == TorchMse().dispersion(f, y[:, 1:])


def test_the_repr_tells_losses_apart() -> None:
    losses = {case.loss for case in CASES.values()}
    assert len({repr(loss) for loss in losses}) == len(losses)


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "said"),
    [
        ("cross_entropy", 3, torch.tensor([0, 3]), "Label 3 is outside 0..2"),
        ("cross_entropy", 3, torch.tensor([0.5, 1.0]), "needs integer class labels"),
        ("cross_entropy", 3, torch.zeros(2, 2), "Soft labels of 2 classes came with 3 logits"),
        ("cross_entropy", 2, torch.tensor([[1.5, -0.5], [0, 1]]), "are probabilities, not -0.5"),
        ("multilabel", 2, torch.zeros(2, 3), "multilabel needs 2 labels an example"),
        ("multilabel", 2, torch.tensor([[0, 2], [0, 1]]), "Label 2 is outside 0..1"),
        ("torch_mse", 2, torch.zeros(2, 3), "torch_mse needs 2 targets an example"),
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


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hinge", {}, "'hinge': there are cross_entropy, binary, multilabel, mse, torch_mse"),
        ("mse", {"label_smoothing": 0.1}, "The loss mse takes no label smoothing"),
        ("binary", {"class_weights": (1.0, 2.0)}, "The loss binary takes no class weights"),
        ("cross_entropy", {"label_smoothing": 1.0}, "label_smoothing = 1.0 is outside"),
        ("cross_entropy", {"class_weights": (1.0, -2.0)}, r"class_weights\[1\] = -2.0 is no"),
        ("cross_entropy", {"class_weights": (1.0, float("nan"))}, r"class_weights\[1\] = nan"),
        ("cross_entropy", {"class_weights": (0.0, 0.0)}, "class_weights has no positive weight"),
        ("multilabel", {"pos_weight": (0.0,)}, "pos_weight has no positive weight"),
        ("binary", {"pos_weight": -1.0}, r"pos_weight\[0\] = -1.0 is no weight"),
    ],
)
def test_a_loss_that_cannot_be_is_refused_in_a_sentence(
    name: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        loss_named(name, **options)


def test_weights_that_do_not_fit_the_data_are_refused() -> None:
    weighted = CrossEntropy(class_weights=(1.0, 0.0, 1.0))
    for outputs in (2, 4):
        with pytest.raises(ValueError, match=f"3 class weights came for a network of {outputs}"):
            weighted.check_targets(torch.zeros(2, outputs), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="of all classes that have examples are 0"):
        weighted.of_data(torch.tensor([1, 1]))
    with pytest.raises(ValueError, match="3 class weights came, but there is a label 3"):
        weighted.of_data(torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="2 weights of positives came for a network of 3"):
        MultiLabel((1.0, 2.0)).check_targets(torch.zeros(2, 3), torch.zeros(2, 3))
    for bad, said in (([1.0, -1.0], r"\[1\] = -1.0"), ([0.0, 0.0], "no positive weight")):
        with pytest.raises(ValueError, match=said):
            with_weights(torch.tensor([0, 1]), torch.tensor(bad))
    with pytest.raises(ValueError, match="need a weight before the target"):
        Weighted(CrossEntropy()).check_targets(torch.zeros(2, 3), torch.tensor([0, 1]))
