"""A refusal of data says what would mend them."""

import pytest
import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.checks import check_pair
from minimascope.intake.networks.input_shapes import takes_ids
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.named import LOSSES

LINEAR = nn.Sequential(nn.Linear(4, 3))
CNN = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))
IDS = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 3))


def refusal(network: nn.Module, inputs: Tensor, targets: Tensor | None = None) -> str:
    given = torch.zeros(len(inputs), dtype=torch.long) if targets is None else targets
    with pytest.raises(ProblemError) as caught:
        check_pair(network, Dataset(inputs, given), None, loss=LOSSES["cross_entropy"])
    return caught.value.line()


@pytest.mark.parametrize(
    ("network", "inputs", "said"),
    [
        (CNN, torch.zeros(3, 8, 8, 1), "X.transpose(0, 3, 1, 2)"),
        (CNN, torch.zeros(3, 8, 8), "X[:, None]"),
        (CNN, torch.zeros(3, 64), "X.reshape(len(X), 1, height, width)"),
        (CNN, torch.zeros(3, 1, 2, 2), "size they had in training"),
        (LINEAR, torch.zeros(3, 2, 2), "X.reshape(len(X), -1)"),
        (LINEAR, torch.zeros(3, 5), "label or a row number"),
        (LINEAR, torch.zeros(3, 9), "4 numbers an example"),
        (IDS, torch.zeros(3, 2), "token ids"),
        (IDS, torch.full((3, 2), 7), "from 7 to 7"),
    ],
)
def test_wrong_inputs_are_answered_with_what_to_send(
    network: nn.Module, inputs: Tensor, said: str
) -> None:
    assert said in refusal(network, inputs)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([1, 2, 3], "send y - 1"),
        ([0, 1, 255], "say --ignore-index 255, or leave those out"),
        ([0, 1, 7], "Number the classes from 0"),
    ],
)
def test_wrong_labels_are_answered_with_what_to_send(targets: list[int], said: str) -> None:
    assert said in refusal(LINEAR, torch.zeros(3, 4), torch.tensor(targets))


def test_one_hot_targets_of_another_width_are_refused() -> None:
    assert "5 columns" in refusal(LINEAR, torch.zeros(3, 4), torch.eye(5)[:3])


def test_soft_labels_of_another_width_are_named() -> None:
    two = nn.Linear(4, 2)
    said = refusal(two, torch.zeros(2, 4), torch.full((2, 4), 0.25))
    assert "soft labels of the training data are shares of 4 classes" in said


def test_only_networks_that_begin_with_an_embedding_take_ids() -> None:
    assert [takes_ids(network) for network in (LINEAR, CNN, IDS)] == [False, False, True]
