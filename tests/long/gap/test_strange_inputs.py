"""Data and networks that nobody meant: a verdict with a sentence or a refusal, never a NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from minimascope.contract.report import Gap, MinimumSummary
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.sweep.route import Budget, Route
from minimascope.objective.loss import LossName

N, INPUTS, CLASSES, RIDGE = 30, 4, 3, 0.01


def network(outputs: int = CLASSES) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(INPUTS, 5), nn.ReLU(), nn.Linear(5, outputs)).double()


def inputs(n: int = N) -> Tensor:
    return torch.randn(n, INPUTS, generator=torch.Generator().manual_seed(2)).double()


def labels(n: int = N) -> Tensor:
    return torch.randint(0, CLASSES, (n,), generator=torch.Generator().manual_seed(3))


def scaled(factor: float) -> nn.Sequential:
    made = network()
    with torch.no_grad():
        made[2].weight.mul_(factor)
    return made


def dead() -> nn.Sequential:
    made = network()
    with torch.no_grad():
        made[0].bias.fill_(-100.0)
    return made


def saturated() -> nn.Sequential:
    """Every probability 0 or 1 to the last digit: H is zero."""
    return scaled(1e6)


def exact_constant() -> nn.Sequential:
    made = network(1)
    with torch.no_grad():
        made[2].weight.zero_()
        made[2].bias.fill_(2.0)
    return made


def minimum(made: nn.Module, X: Tensor, y: Tensor, loss: LossName = "cross_entropy") -> Minimum:
    return prepare(made, X, y, loss=loss)


CASES: dict[str, Callable[[], Minimum]] = {
    "three examples": lambda: minimum(network(), inputs(3), labels(3)),
    "one class": lambda: minimum(network(), inputs(), torch.zeros(N, dtype=torch.long)),
    "equal inputs": lambda: minimum(network(), torch.ones(N, INPUTS).double(), labels()),
    "duplicates": lambda: minimum(network(), inputs(10).repeat(3, 1), labels(10).repeat(3)),
    "logits of ten thousand": lambda: minimum(scaled(2e4), inputs(), labels()),
    "dead units": lambda: minimum(dead(), inputs(), labels()),
    "constant targets": lambda: minimum(network(1), inputs(), torch.full((N, 1), 2.0), "mse"),
    "constant targets met": lambda: minimum(
        exact_constant(), inputs(), torch.full((N, 1), 2.0), "mse"
    ),
    "many classes": lambda: minimum(network(40), inputs(), 13 * labels()),
    "no curvature": lambda: minimum(saturated(), inputs(), saturated()(inputs()).argmax(1)),
    "half precision": lambda: minimum(network().half(), inputs().half(), labels()),
}


def numbers(found: object, place: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(found, dict):
        for name, each in found.items():
            yield from numbers(each, f"{place}/{name}")
    elif isinstance(found, list):
        for index, each in enumerate(found):
            yield from numbers(each, f"{place}/{index}")
    elif isinstance(found, float):
        yield place, found


@pytest.mark.parametrize("route", [None, "matrix_free"])
@pytest.mark.parametrize("name", CASES)
def test_there_is_a_verdict_in_words_and_no_number_that_is_none(
    name: str, route: Route | None
) -> None:
    for known in ({"weight_decay": RIDGE}, {"weight_decay": 1e3}, {"weight_decay": 0.0}):
        found = estimate_gap(CASES[name]().trained(**known), budget=Budget(route=route))
        assert found.reason.endswith(".")
        sections = Gap.of(found), MinimumSummary.of(found, lambda_eff=found.lambda_)
        report = [section.model_dump() for section in sections]
        bad = [(place, x) for place, x in numbers({"": report}) if not math.isfinite(x)]
        assert bad == []


def test_one_example_leaves_nothing_to_leave_out() -> None:
    with pytest.raises(ValueError, match="1 example: leave-one-out needs at least 2"):
        estimate_gap(minimum(network(), inputs(1), labels(1)).trained(weight_decay=RIDGE))


@pytest.mark.parametrize("size", [0, 1])
def test_a_test_set_without_a_spread_is_refused(size: int) -> None:
    given = minimum(network(), inputs(), labels())
    with pytest.raises(ValueError, match=f"test set has {size} of at least 2"):
        estimate_gap(given.trained(weight_decay=RIDGE), test=(inputs(size), labels(size)))


def test_a_lambda_that_rounding_decides_is_refused_with_its_value() -> None:
    with pytest.raises(ValueError, match=r"λ = 1e-22 is less than 1e-14 of the largest"):
        estimate_gap(minimum(network(), inputs(), labels()).trained(weight_decay=1e-20))


def test_weights_beyond_all_measure_are_refused_with_their_size() -> None:
    with pytest.raises(ValueError, match=r"largest logit is \d.*has the training diverged"):
        estimate_gap(minimum(scaled(1e200), inputs(), labels()).trained(weight_decay=RIDGE))
