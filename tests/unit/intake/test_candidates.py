"""The table of architectures holds the true one with its true loss, and chooses none."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.candidates import Candidate, candidates
from minimascope.intake.networks.layers import ACTIVATIONS
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.intake.values.dataset import Dataset


def saved(network: nn.Module) -> Checkpoint:
    tensors = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    return Checkpoint(tensors=tensors, format="torch", sha256="")


def data(*shape: int, classes: int = 3) -> Dataset:
    inputs = torch.randn(50, *shape, generator=torch.Generator().manual_seed(0))
    return Dataset(inputs, torch.arange(50) % classes)


def rows_equal_to(network: nn.Module, train: Dataset) -> list[Candidate]:
    """The candidates whose loss is that of the network: rounding of float32 means, 50 numbers."""
    with torch.no_grad():
        loss = functional.cross_entropy(network(train.inputs), train.targets).item()
    found = candidates(saved(network), train, asked=ObjectiveParameters(loss="cross_entropy"))
    assert [row.loss for row in found] == sorted(row.loss for row in found)
    return [row for row in found if abs(row.loss - loss) < 1e-5]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_true_activation_has_the_true_loss(name: str) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 9), ACTIVATIONS[name](), nn.Linear(9, 3))
    rows = rows_equal_to(network, data(4))
    assert [row.architecture["activation"] for row in rows] == [name]
    assert name in rows[0].sentence


CNNS: dict[str, nn.Module] = {
    "padded, pooled": nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.SiLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 3, padding=1), nn.BatchNorm2d(5), nn.SiLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(20, 6), nn.SiLU(), nn.Linear(6, 3)),
    ),
    "global average": nn.Sequential(
        *(nn.Conv2d(2, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 7, (1, 3)), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 3)),
    ),
}


@pytest.mark.parametrize("name", list(CNNS))
def test_the_true_chain_of_convolutions_is_among_the_candidates(name: str) -> None:
    network, train = CNNS[name].eval(), data(2, 8, 8)
    found = [
        build_network(saved(network), row.architecture) for row in rows_equal_to(network, train)
    ]
    # One forward pass of float32 in the same order; LeakyReLU may come as near in its mean loss.
    apart = [(again(train.inputs) - network(train.inputs)).abs().max() for again in found]
    assert min(apart) < 1e-5


def test_sequences_of_one_axis_and_batch_norm_between_linears_are_chains_too() -> None:
    sound = nn.Sequential(nn.Conv1d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(24, 3))
    assert rows_equal_to(sound.eval(), data(2, 8))
    normed = nn.Sequential(nn.Linear(4, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 3))
    assert rows_equal_to(normed.eval(), data(4))


def test_one_linear_layer_has_one_candidate() -> None:
    rows = candidates(
        saved(nn.Linear(4, 3)), data(4), asked=ObjectiveParameters(loss="cross_entropy")
    )
    assert [row.architecture for row in rows] == [{"family": "mlp", "activation": "identity"}]


def test_losses_have_their_own_measures() -> None:
    one = saved(nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 1)))
    binary = candidates(one, data(4, classes=2), asked=ObjectiveParameters(loss="binary"))
    assert all(row.accuracy is not None for row in binary)
    mse = candidates(one, data(4), asked=ObjectiveParameters(loss="mse"))
    assert all(row.accuracy is None for row in mse)


@pytest.mark.parametrize(
    ("network", "train", "code"),
    [
        (nn.TransformerEncoderLayer(4, 2), data(4), "no_candidates"),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(31, 3)), data(2, 8, 8), None),
        (nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 3)), data(5), "input_shape_mismatch"),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(9, 3)), data(8, 8, 2), "input"),
        (nn.Linear(4, 2), data(4), "labels_out_of_range"),
    ],
)
def test_what_has_no_candidates_is_said(
    network: nn.Module, train: Dataset, code: str | None
) -> None:
    with pytest.raises(ProblemError) as caught:
        candidates(saved(network), train, asked=ObjectiveParameters(loss="cross_entropy"))
    assert caught.value.code.startswith(code or "no_candidates")


def test_the_command_prints_a_table_with_json_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    import numpy as np

    from minimascope.cli import main

    train = data(4)
    torch.save(saved(nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 3))).tensors, tmp_path / "a.pt")
    np.savez(tmp_path / "d.npz", X=train.inputs.numpy(), y=train.targets.numpy())
    files = ["--checkpoint", str(tmp_path / "a.pt"), "--train", str(tmp_path / "d.npz")]
    assert main(["architectures", *files]) == 0
    head, *rows, advice = capsys.readouterr().out.splitlines()
    assert head.split() == ["loss", "accuracy", "architecture"]
    given = [json.loads(row.split(maxsplit=2)[2])["activation"] for row in rows]
    assert sorted(given) == sorted(ACTIVATIONS)
    assert "training script" in advice
