"""The reference networks as minima (provenance: tests/cases/reference/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare

REFERENCE = Path(__file__).parent / "reference"
BOUNDARY = sorted(path.name for path in (REFERENCE / "boundary").iterdir())
GAP = sorted(path.name for path in (REFERENCE / "gap").iterdir())
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU}


class Reference(NamedTuple):
    """A float64 minimum, its test split and its reference.json."""

    minimum: Minimum
    test_inputs: Tensor
    test_targets: Tensor
    reference: dict[str, object]


def boundary_minimum(name: str) -> Reference:
    """ReLU network of tests/cases/reference/boundary/`name`."""
    return _load(REFERENCE / "boundary" / name)


def gap_minimum(name: str) -> Reference:
    """Network of tests/cases/reference/gap/`name`."""
    return _load(REFERENCE / "gap" / name)


def _load(folder: Path) -> Reference:
    architecture = json.loads((folder / "arch.json").read_text())
    state = torch.load(folder / "model.pt", weights_only=True)
    activation = ACTIVATIONS[architecture["activation"]]
    weights = [tensor for tensor in state.values() if tensor.ndim == 2]
    layers: list[nn.Module] = []
    for weight in weights:
        layers += [nn.Linear(weight.shape[1], weight.shape[0]), activation()]
    network = nn.Sequential(*layers[:-1]).double()  # float64 before the weights are copied in
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, state.values(), strict=True)))
    with np.load(folder / "train.npz") as train, np.load(folder / "test.npz") as test:
        minimum = prepare(network, torch.tensor(train["X"]), torch.tensor(train["y"]))
        test_split = torch.tensor(test["X"]).double(), torch.tensor(test["y"])
    return Reference(minimum, *test_split, json.loads((folder / "reference.json").read_text()))
