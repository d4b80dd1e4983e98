"""`minimascope export` and `minimascope.export`: the user's own network as a file that opens."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import minimascope
from minimascope.cli import main
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

# torch.export.save uses torch's own deprecated parts
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
SOURCE = """
import torch

class Gated(torch.nn.Module):
    def __init__(self, width=5):
        super().__init__()
        self.left, self.right = torch.nn.Linear(3, width), torch.nn.Linear(3, width)
        self.last = torch.nn.Linear(width, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.left(x)) * torch.sigmoid(self.right(x)))

def build():
    return Gated().double()

def broken():
    raise OSError("no such run")

number = 7
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_network.py").write_text(SOURCE)
    np.savez(tmp_path / "batch.npz", X=np.random.default_rng(0).normal(size=(4, 3)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.mark.parametrize("model", ["own_network:build", "own_network.py:Gated"])
def test_a_network_of_the_users_own_module_becomes_a_file_that_opens(
    here: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", model, "--example", "batch.npz", "--output", "model.pt2"]
    assert main(command) == 0
    assert capsys.readouterr().out == "model.pt2\n"
    built = build_network(read_checkpoint(here / "model.pt2", workdir=here), None)
    dtype = torch.float64 if model.endswith("build") else torch.float32
    assert built(torch.zeros(2, 3, dtype=dtype)).shape == (2, 2)


def test_weights_of_a_checkpoint_are_loaded_before_the_export(here: Path) -> None:
    command = ["export", "own_network:build", "--example", "batch.npz", "--output", "first.pt2"]
    assert main(command) == 0
    first = read_checkpoint(here / "first.pt2", workdir=here).tensors
    wanted = {name: tensor + 1 for name, tensor in first.items()}
    torch.save({"state_dict": wanted}, here / "weights.ckpt")
    assert main([*command[:-1], "second.pt2", "--checkpoint", "weights.ckpt"]) == 0
    again = read_checkpoint(here / "second.pt2", workdir=here).tensors
    assert all(torch.equal(again[name], tensor) for name, tensor in wanted.items())


def test_arguments_of_a_constructor_are_given_as_json(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "own_network:Gated", "--example", "batch.npz", "--output", "model.pt2"]
    assert main([*command, "--arguments", '{"width": 7}']) == 0
    tensors = read_checkpoint(here / "model.pt2", workdir=here).tensors
    assert tensors["left.weight"].shape == (7, 3)
    for text, words in (("{", "no JSON"), ("[7]", "no JSON object"), ('{"depth": 2}', "'depth'")):
        assert main([*command, "--arguments", text]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("own_network", "not of the form MODULE:NAME"),
        ("own_network:nothing", "no attribute 'nothing'"),
        ("own_network:broken", "OSError: no such run"),
        ("own_network:number", "'int' object is not callable"),
        ("own_network:torch.nn", "has no attribute"),
        ("no_such_module:build", "No module named 'no_such_module'"),
        ("absent.py:build", "no file 'absent.py'"),
    ],
)
def test_what_is_no_network_is_one_line_and_exit_2(
    here: Path, model: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", model, "--example", "batch.npz", "--output", "model.pt2"]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (here / "model.pt2").exists()


def test_the_package_itself_exports_and_loads_torch_only_then(here: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    path = minimascope.export(network, torch.randn(5, 3), here / "model.pt2")
    built = build_network(read_checkpoint(path, workdir=here), None)
    x = torch.randn(6, 3)
    assert torch.allclose(built(x), network(x), atol=1e-6)  # float32, numbers of order 1
