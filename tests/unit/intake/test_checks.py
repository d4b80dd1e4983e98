"""Data that do not belong to a network are refused with expected and given values."""

import pytest
import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.checks import check_pair
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.loss import LossName
from minimascope.objective.named import LOSSES

NETWORK = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))


def data(n: int = 30, *, seed: int = 0, targets: Tensor | None = None) -> Dataset:
    inputs = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return Dataset(inputs, torch.arange(n) % 3 if targets is None else targets)


def problem(network: nn.Module, train: Dataset, loss: LossName = "cross_entropy") -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        check_pair(network, train, None, loss=LOSSES[loss])
    return caught.value


def test_data_that_fit_give_no_warning() -> None:
    assert check_pair(NETWORK, data(), data(seed=1), loss=LOSSES["cross_entropy"]) == []


def test_wrong_inputs_name_expected_and_given_shapes() -> None:
    found = problem(NETWORK, Dataset(torch.zeros(5, 7), torch.zeros(5, dtype=torch.long)))
    assert found.code == "input_shape_mismatch"
    assert "[7]" in found.sentence
    assert "2 numbers" in found.sentence
    conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(2))
    conv(torch.zeros(1, 3, 8, 8))
    images = Dataset(torch.zeros(5, 8, 8, 3), torch.zeros(5, dtype=torch.long))
    assert "3 channels first" in problem(conv, images).sentence


@pytest.mark.parametrize("bad", [3, -1])
def test_labels_out_of_range_name_value_index_and_range(bad: int) -> None:
    targets = torch.arange(30) % 3
    targets[7] = bad
    found = problem(NETWORK, data(targets=targets))
    assert found.code == "labels_out_of_range"
    assert f"y[7] = {bad} " in found.sentence
    assert "0 … 2" in found.sentence


def test_fractional_labels_and_wrong_losses_are_refused() -> None:
    assert problem(NETWORK, data(targets=torch.full((30,), 0.5))).code == "labels_not_integer"
    assert problem(NETWORK, data(), "binary").code == "output_shape_mismatch"
    assert problem(NETWORK, data(), "mse").code == "output_shape_mismatch"
    one = nn.Linear(2, 1)
    assert problem(one, data(), "cross_entropy").code == "output_shape_mismatch"
    assert problem(one, data(), "binary").code == "labels_out_of_range"
    assert check_pair(one, data(targets=torch.rand(30)), None, loss=LOSSES["mse"]) == []


def test_outputs_that_are_not_finite_are_refused() -> None:
    broken = nn.Linear(2, 3)
    with torch.no_grad():
        broken.weight.fill_(3e38)
    assert problem(broken, data()).code == "outputs_not_finite"


def test_repeats_missing_and_scarce_classes_are_warnings() -> None:
    train = data(targets=torch.cat([torch.zeros(29), torch.ones(1)]).long())
    test = Dataset(train.inputs[:4], train.targets[:4])
    said = " ".join(check_pair(NETWORK, train, test, loss=LOSSES["cross_entropy"]))
    assert "No training example has class 2." in said
    assert "1 to 29 examples" in said
    assert "4 different inputs are in both" in said
    twice = Dataset(train.inputs[[0, 0, 1]], torch.tensor([0, 1, 2]))
    assert (
        "One training example repeats another."
        in check_pair(NETWORK, twice, None, loss=LOSSES["cross_entropy"])[0]
    )


def test_a_single_test_example_is_said_to_measure_nothing() -> None:
    found = check_pair(NETWORK, data(), data(1, seed=1), loss=LOSSES["cross_entropy"])
    assert found == ["The test data have 1 example: a gap cannot be measured on fewer than 2."]
