"""The loss on the line between two networks: ends, chord, statistics, refusals."""

from __future__ import annotations

import base64
import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minimascope.analysis.questions.line import interpolate
from minimascope.contract.problems import ProblemError
from minimascope.curvature.minimum.minimum import Minimum, prepare

EXACT = 1e-12  # float64 sums of some dozens of terms


def data(n: int = 60, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    centres = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    return centres[labels] + torch.randn(n, 2, generator=generator), labels


def network(seed: int, *, width: int = 8, act: nn.Module | None = None) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, width), act or nn.Tanh(), nn.Linear(width, 3)).double()


def normed(seed: int) -> nn.Sequential:
    """BatchNorm between the layers, its running statistics those of this network."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8, momentum=1.0), nn.Linear(8, 3))
    made.double().train()(data()[0].double())
    return made.eval()


def loss(minimum: Minimum, net: nn.Module, split: tuple[Tensor, Tensor]) -> Tensor:
    with torch.no_grad():
        return minimum.loss.values(net(split[0].double()), split[1])


def test_the_ends_are_the_two_networks_and_the_first_is_left_as_it_was() -> None:
    minimum, other = prepare(network(0), *data()), network(1)
    before, test = minimum.theta, data(40, seed=5)
    curve = interpolate(minimum, other, (test[0].double(), test[1]), steps=4)
    assert curve.alpha == [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25]
    assert curve.test
    for split, found in ((data(), curve.train), (test, curve.test)):
        for net, place in ((minimum.network, 1), (other, 5)):
            values = loss(minimum, net, split)
            assert found.loss[place] == pytest.approx(float(values.mean()), rel=EXACT)
            error = float(values.std()) / len(values) ** 0.5
            assert found.loss_standard_error[place] == pytest.approx(error, rel=EXACT)
    assert curve.film
    seen = [np.frombuffer(base64.b64decode(each), np.uint8) for each in curve.film.classes]
    x, y = (np.linspace(*ends, curve.film.side) for ends in (curve.film.x, curve.film.y))
    grid = torch.tensor(np.stack([part.ravel() for part in np.meshgrid(x, y)], axis=1))
    for net, place in ((minimum.network, 1), (other, 5)):
        assert seen[place].tolist() == net(grid).argmax(1).tolist()
    assert minimum.theta.equal(before)
    flat = [torch.cat([q.flatten() for q in net.parameters()]) for net in (minimum.network, other)]
    assert curve.distance == pytest.approx(float((flat[1] - flat[0]).detach().norm()), rel=EXACT)


def test_a_convex_loss_has_no_barrier_and_a_permuted_copy_has_one() -> None:
    linear = nn.Sequential(nn.Linear(2, 3)).double()
    convex = interpolate(prepare(linear, *data()), nn.Sequential(nn.Linear(2, 3)).double(), None)
    # Below its chord everywhere: the highest rise is the 0 of an end.
    assert convex.train.barrier.value == pytest.approx(0, abs=EXACT)
    minimum = prepare(network(0), *data())
    _fit(minimum.network)
    permuted = copy.deepcopy(minimum.network)
    order = torch.arange(8).flip(0)
    state = minimum.network.state_dict()
    for name in ("0.weight", "0.bias"):
        state[name] = state[name][order]
    state["2.weight"] = state["2.weight"][:, order]
    permuted.load_state_dict(state)
    curve = interpolate(minimum, permuted, None)
    assert curve.train.loss[5] == pytest.approx(curve.train.loss[25], rel=1e-9)
    barrier = curve.train.barrier
    middle = [value for value in curve.train.loss[5:26] if value is not None]
    # Equal ends: the chord is flat, and the barrier is the highest loss less the ends'.
    assert barrier.value == pytest.approx(max(middle) - middle[0], rel=1e-6)
    assert barrier.value > 3 * barrier.standard_error > 0


def _fit(net: nn.Module) -> None:
    inputs, labels = data()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(inputs.double()), labels).backward()
        optimiser.step()


def test_batchnorm_normalises_by_the_interpolated_networks_own_statistics() -> None:
    minimum, other = prepare(normed(0), *data()), normed(1)
    curve = interpolate(minimum, other, None, steps=4)
    assert curve.statistics == "recomputed"
    half = copy.deepcopy(other)
    state = minimum.network.state_dict()
    for name, value in half.state_dict().items():
        if value.is_floating_point():
            value.lerp_(state[name], 0.5)
    # In training mode BatchNorm uses the batch's statistics; running ones are unbiased: n/(n − 1).
    layer = half[1]
    assert isinstance(layer, nn.BatchNorm1d)
    hidden = half[0](minimum.inputs).detach()
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.running_mean.copy_(hidden.mean(0))
    layer.running_var.copy_(hidden.var(0))
    wanted = float(loss(minimum, half, data()).mean())
    assert curve.train.loss[3] == pytest.approx(wanted, rel=1e-9)
    assert minimum.network.training is False
    assert interpolate(prepare(network(0), *data()), network(1), None).statistics == "none"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (network(1, width=9), "'0.weight' has shape \\[8, 2\\] in one and \\[9, 2\\] in the other"),
        (network(1, act=nn.ReLU()), "different outputs"),
        (normed(1), "only one of them has"),
    ],
)
def test_other_architectures_are_refused_in_one_sentence(other: nn.Module, words: str) -> None:
    minimum = prepare(network(0), *data())
    before = minimum.theta
    with pytest.raises(ProblemError, match=words) as refused:
        interpolate(minimum, other, None)
    assert refused.value.code == "architectures_differ"
    assert minimum.theta.equal(before)


def test_regression_has_a_loss_and_no_accuracy() -> None:
    inputs, labels = data()
    targets = nn.functional.one_hot(labels).double()
    curve = interpolate(prepare(network(0), inputs, targets, loss="mse"), network(1), None)
    assert curve.train.accuracy is None
    assert len(curve.train.loss) == len(curve.alpha) == 31
