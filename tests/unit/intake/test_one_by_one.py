"""Networks that look across the batch, fixed batches and labels of tokens: refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from minimascope import export
from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.values.checkpoint import Checkpoint, read_checkpoint
from minimascope.intake.values.dataset import Dataset

X, Y = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3


def refusal(network: nn.Module, inputs: Tensor = X, targets: Tensor = Y) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        fitted(network, Dataset(inputs, targets), None, ObjectiveParameters())
    return caught.value


@pytest.mark.parametrize("examples", [2, 20])
def test_batch_norm_without_running_statistics_is_refused_in_words(examples: int) -> None:
    spec = [["Linear", 4, 8], ["BatchNorm1d", 8, {"track_running_stats": False}], "Tanh"]
    own = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Tanh())
    own.append(nn.Linear(8, 3))
    spec.append(["Linear", 8, 3])
    built = build_network(
        Checkpoint(own.state_dict(), "torch", "0" * 64), {"family": "sequential", "layers": spec}
    )
    found = refusal(built, X[:examples], Y[:examples])
    assert found.code == "batch_dependent"
    assert "BatchNorm keeps no running statistics" in found.sentence


class AcrossTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(x - x.mean(0))
        return found


def test_a_network_that_looks_across_the_batch_is_refused() -> None:
    assert refusal(AcrossTheBatch()).code == "batch_dependent"


@pytest.mark.parametrize("examples", [1, 2, 3])
def test_networks_of_one_example_at_a_time_are_taken(examples: int) -> None:
    layers = (nn.Linear(4, 8), nn.LayerNorm(8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
    fitted(nn.Sequential(*layers), Dataset(X[:examples], Y[:examples]), None, ObjectiveParameters())


class Reshaped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(x.reshape(x.shape[0], 2, 2).reshape(x.shape[0], 4))
        return found


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("examples", [8, 20])
def test_a_batch_written_into_a_program_is_named_and_the_cure_works(
    tmp_path: Path, workdir: Path, examples: int
) -> None:
    path, model = tmp_path / "model.pt2", Reshaped().eval()
    torch.export.save(torch.export.export(model, (X[:8],)), path)
    read = build_network(read_checkpoint(path, workdir=workdir), None)
    found = refusal(read, X[:examples], Y[:examples])
    assert found.code == "fixed_batch"
    assert "fixed batch of 8" in found.sentence
    assert "minimascope.export" in found.advice
    export(model, X[:8], path)  # the cure
    read = build_network(read_checkpoint(path, workdir=workdir), None)
    fitted(read, Dataset(X, Y), None, ObjectiveParameters())


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(11, 6), nn.Linear(6, 11)

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.out(self.words(ids))
        return found


def test_a_language_model_has_a_label_at_each_position() -> None:
    ids = torch.arange(40).reshape(5, 8) % 11
    found = fitted(Language(), Dataset(ids, ids.roll(-1, 1)), None, ObjectiveParameters())
    assert found.loss.reads == "labels_of_positions"
    logits = found.network(ids).detach()
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), ids.roll(-1, 1).flatten())
    loss = found.loss.of_data(found.train.targets)
    assert float((loss.mean(logits.flatten(1), found.train.targets) - expected).abs()) < 1e-6


def test_labels_of_pixels_are_called_so() -> None:
    network = nn.Conv2d(1, 3, 1)
    found = refusal(network, torch.randn(5, 1, 4, 6), torch.zeros(5, 4, 6, dtype=torch.int64))
    assert found.code == "labels_per_position"
    pixels = torch.zeros(5, 24, dtype=torch.int64)  # the cure
    flat = nn.Sequential(network, nn.Flatten(2))
    fitted(flat, Dataset(torch.randn(5, 1, 4, 6), pixels), None, ObjectiveParameters())
