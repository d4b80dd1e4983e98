"""A kept state belongs to one run: network, buffers, data, objective, seed and precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.saved_parts import Parts
from minimascope.curvature.running.saved_state import Keeper
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty


def normalised() -> Minimum:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    minimum = prepare(network, torch.randn(8, 3), torch.arange(8) % 2)
    return minimum.trained(weight_decay=0.1)


def with_other_buffer(minimum: Minimum) -> Minimum:
    minimum.network[1].running_var.mul_(2)
    return minimum


def with_other_layer(minimum: Minimum) -> Minimum:
    minimum.network[2] = nn.Sigmoid()
    return minimum


def with_other_weight(minimum: Minimum) -> Minimum:
    with torch.no_grad():
        minimum.network[0].weight[0, 0] += 1e-12
    return minimum


def told(given: Minimum, optimiser: Optimiser) -> Minimum:
    return replace(given, objective=replace(given.objective, optimiser=optimiser))


def moments(change: float) -> dict[str, torch.Tensor]:
    """Equal but for a digit that their text does not show."""
    first = torch.ones(4, 3, dtype=torch.float64)
    first[2, 1] += change
    return {"0.weight": first}


CHANGES: dict[str, Callable[[Minimum], Minimum]] = {
    "buffer": with_other_buffer,
    "layer": with_other_layer,
    "weight": with_other_weight,
    "inputs": lambda given: replace(given, inputs=given.inputs + 1),
    "targets": lambda given: replace(given, targets=given.targets.flip(0)),
    "penalty": lambda given: given.trained(weight_decay=0.2),
    "loss": lambda given: prepare(given.network, given.inputs, given.targets, loss="mse"),
    "schedule": lambda given: given.trained(weight_decay=0.1, lr=0.1, steps=10),
    "optimiser": lambda given: told(given, Optimiser("adamw")),
    "second moment": lambda given: told(given, Optimiser("adamw", second_moment=moments(1e-9))),
    "groups": lambda given: replace(given, groups=torch.arange(8) // 2),
    "decay of some": lambda given: replace(
        given, objective=replace(given.objective, penalty=Penalty(0.1, "matrices"))
    ),
    "precision": lambda given: prepare(
        given.network, given.inputs, given.targets, loss=given.objective, dtype=torch.float32
    ),
}


def parts(path: Path, minimum: Minimum, *, seed: int = 0) -> Parts:
    return Parts(Keeper(path, fingerprint(minimum, seed=seed)), Clock(10.0))


@pytest.mark.parametrize("change", CHANGES)
def test_parts_of_another_run_are_not_gone_on_from(tmp_path: Path, change: str) -> None:
    path = tmp_path / "state"
    made = {"numbers": torch.arange(3, dtype=torch.float64)}
    parts(path, normalised()).once("first", lambda: made, lambda: 7)
    again = parts(path, normalised())
    assert not again.fresh
    assert again.products == 7
    assert torch.equal(again.once("first", dict, lambda: 0)["numbers"], made["numbers"])
    assert parts(path, CHANGES[change](normalised())).fresh
    assert parts(path, normalised(), seed=1).fresh


def test_a_file_is_replaced_whole_and_removed_at_the_end(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "state", "one")
    for value in (1.0, 2.0):
        keeper.keep({"value": torch.tensor(value)})
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    stored = keeper.stored()
    assert stored is not None
    assert float(stored["value"]) == 2.0
    assert Keeper(tmp_path / "state", "other").stored() is None
    keeper.forget()
    assert keeper.stored() is None


def test_a_series_of_parts_is_read_in_its_order(tmp_path: Path) -> None:
    first = Parts(Keeper(tmp_path / "state", "key"), Clock(10.0))
    for index in range(12):
        made = {"at": torch.tensor(index)}
        first.once(f"batch {index + 1}", lambda made=made: made, lambda: 0)
    again = Parts(Keeper(tmp_path / "state", "key"), Clock(10.0))
    assert [int(each["at"]) for each in again.series("batch")] == list(range(12))


def test_a_digit_of_the_optimisers_state_makes_another_run() -> None:
    one, other = (
        told(normalised(), Optimiser("adamw", second_moment=moments(change)))
        for change in (0.0, 1e-12)
    )
    assert fingerprint(one, seed=0) != fingerprint(other, seed=0)
