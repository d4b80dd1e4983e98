"""Sums that processes share are those of one process; a process that is lost ends the work."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.precision import in_float32
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.curvature.products.spread import Leader, leading
from minimascope.curvature.running.deadline import OutOfTimeError, kept, within
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.objective import Objective
from tests.cases.ranks import case, led

ROUNDING = 1e-14  # of sums of 13 examples, in another order


@pytest.fixture(scope="module")
def leader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leader]:
    with led(tmp_path_factory.mktemp("ranks") / "store", count=3) as (made, _):
        yield made


def rows(minimum: Minimum, count: int = 3) -> Tensor:
    return torch.randn(count, minimum.dim, generator=torch.Generator().manual_seed(0)).to(
        minimum.theta
    )


def with_ggn(minimum: Minimum) -> Tensor:
    own, root = torch.tensor([0, 7, 12]), torch.linspace(0.5, 2, minimum.dim).double()
    made = Ggn(minimum, root=root)
    weights = torch.linspace(-1, 1, 2 * minimum.n).double().reshape(2, -1)
    less, seen = made.left_out(rows(minimum), own)
    found = [made.operator.matmat(rows(minimum)), less, made.own_gradients(seen, own)]
    return torch.cat([*found, made.gradient_sums(weights), seen @ seen.new_ones(4, minimum.dim)])


def of_a_layer(minimum: Minimum) -> Tensor:
    operator, last = hessian(minimum), range(minimum.places["4.weight"].start, minimum.dim)
    assert operator.block is not None
    within_layer = operator.block(last)
    assert within_layer is not None
    return within_layer(rows(minimum)[:, last.start :])


QUESTIONS: dict[str, Callable[[Minimum], Tensor]] = {
    "gradient": mean_gradient,
    "Hessian": lambda m: hessian(m).matmat(rows(m)),
    "a layer's block": of_a_layer,
    "GGN": with_ggn,
    "second moment": lambda m: gradient_second_moment(m, "centred").matmat(rows(m)),
    "subset": lambda m: hessian(m.subset(torch.tensor([1, 2, 5, 8]))).matmat(rows(m)),
    "fewer examples than ranks": lambda m: hessian(m.subset(torch.tensor([4, 2]))).matmat(rows(m)),
    "top 3": lambda m: compute_spectrum(m, Wanted(3, 1e-8)).eigenvalues,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_three_ranks_find_what_one_finds(leader: Leader, question: str) -> None:
    asked = QUESTIONS[question]
    with leading(leader):
        together = asked(case())
    alone = asked(case())
    assert float((together - alone).norm()) <= ROUNDING * 100 * float(alone.norm())


def test_float32_is_multiplied_in_float32(leader: Leader) -> None:
    minimum = in_float32(case())
    with leading(leader):
        together = hessian(minimum).matmat(rows(minimum))
    alone = hessian(minimum).matmat(rows(minimum))
    assert together.dtype == torch.float32
    assert float((together - alone).norm()) <= 1e-5 * float(alone.norm())


def test_weights_may_be_others_than_those_opened(leader: Leader) -> None:
    minimum = case()
    with torch.no_grad():
        next(minimum.network.parameters()).mul_(2)
    with leading(leader):
        together = mean_gradient(minimum)
    assert leader.shares(minimum)
    assert torch.allclose(together, mean_gradient(minimum), rtol=0, atol=ROUNDING)


def test_another_network_or_loss_is_multiplied_by_rank_0_alone(leader: Leader) -> None:
    other = case(running_mean=0.7)
    assert not leader.shares(other)
    assert not leader.shares(smoothed(case()))


def smoothed(minimum: Minimum) -> Minimum:
    return replace(minimum, objective=Objective(CrossEntropy(label_smoothing=0.1)))


def test_a_failure_leaves_the_ranks_able_to_go_on(leader: Leader) -> None:
    """In one's own share, in another's, and by a deadline in the middle of a product."""
    minimum = case()
    minimum.inputs[-1] = float("nan")  # the last rank's
    with leading(leader):
        with pytest.raises(ValueError, match="training inputs hold values that are not finite"):
            hessian(minimum)
        operator = hessian(case())
        with within(1e-9), pytest.raises(OutOfTimeError), kept():
            operator.matvec(torch.ones(operator.dim).double())
        again = operator.matvec(torch.ones(operator.dim).double())
    alone = hessian(case()).matvec(torch.ones(operator.dim).double())
    assert torch.allclose(again, alone, rtol=0, atol=ROUNDING * 100)


def test_what_is_not_used_any_more_is_forgotten(leader: Leader) -> None:
    with leading(leader):
        operator = hessian(case())
        del operator
        gc.collect()
        assert leader._forgotten
        hessian(case())
    assert len(leader._forgotten) <= 1
