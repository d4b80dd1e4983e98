"""One parameter under two names stays one parameter, in every format that can say so."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_model
from torch import nn

from minimascope import export
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

MLP = {"family": "mlp", "activation": "tanh"}


def zipped_model(network: nn.Module, path: Path) -> None:
    save_model(network, str(path) + ".one")
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(str(path) + ".one", "m/model.safetensors")


@pytest.mark.parametrize(
    "write",
    [
        lambda network, path: torch.save(network.state_dict(), path),
        lambda network, path: torch.save({"state_dict": network.state_dict()}, path),
        lambda network, path: torch.save(network, path),
        lambda network, path: save_model(network, str(path)),
        zipped_model,
        lambda network, path: export(network, torch.randn(3, 4), path),
    ],
    ids=["state dict", "nested", "whole network", "safetensors", "zip", "pt2"],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_tied_weights_stay_one_parameter(tmp_path: Path, workdir: Path, write: Any) -> None:
    layer = nn.Linear(4, 4)
    network = nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 2))
    write(network, tmp_path / "upload")
    checkpoint = read_checkpoint(tmp_path / "upload", workdir=workdir)
    built = build_network(checkpoint, None if checkpoint.graph else MLP)
    assert sum(p.numel() for p in built.parameters()) == 4 * 4 + 4 + 4 * 2 + 2
    assert inspect_checkpoint(tmp_path / "upload", workdir=workdir)["parameters"] == 30
    x = torch.randn(5, 4)
    assert torch.equal(built(x), network(x))
    built(x).square().sum().backward()
    network(x).square().sum().backward()
    ours = {tuple(p.shape): p.grad for p in built.parameters()}
    # float32: the same products, summed over both places of the tied layer in some order
    for parameter in network.parameters():
        assert torch.allclose(ours[tuple(parameter.shape)], parameter.grad, rtol=1e-4, atol=1e-5)
