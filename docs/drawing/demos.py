"""The demo minima that the product ships: report, arrays, and the network itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from minimascope import Report
from minimascope.analysis.stages.planes import zero_lines
from minimascope.boundary.slices import class_fields

DEMOS = Path(__file__).parents[2] / "backend" / "demos"
FINE = 160  # pixels a side of a plane


@dataclass(frozen=True)
class Demo:
    """One minimum as it is shipped."""

    report: Report
    arrays: dict[str, NDArray[Any]]
    request: dict[str, Any]


def demo(name: str) -> Demo:
    folder = DEMOS / name
    report = Report.model_validate_json((folder / "report.json").read_text())
    with np.load(folder / "arrays.npz") as arrays:
        held = {key: arrays[key] for key in arrays}
    return Demo(report, held, json.loads((folder / "request.json").read_text()))


def spiral_network(name: str) -> tuple[nn.Sequential, Tensor]:
    """The 2-32-32-3 network of a demo on spirals with its weights θ as one vector."""
    layers = [nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3)]
    model = nn.Sequential(*layers).double()
    model.load_state_dict(load_file(DEMOS / name / "checkpoint.safetensors"))
    return model, nn.utils.parameters_to_vector(model.parameters()).detach()


def reach_of(found: Demo) -> tuple[float, float, float, float]:
    """Ends of the plane of its report: left, right, low, high."""
    x, y = found.arrays["slice_x"], found.arrays["slice_y"]
    return float(x[0]), float(x[-1]), float(y[0]), float(y[-1])


def boundary_of(model: nn.Module, reach: tuple[float, float, float, float]) -> NDArray[Any]:
    """Its decision boundary over (left, right, low, high): polylines (m, 2), NaN rows between."""
    x = torch.linspace(reach[0], reach[1], FINE, dtype=torch.float64)
    y = torch.linspace(reach[2], reach[3], FINE, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)
    with torch.no_grad():
        fields = class_fields(model(grid)).reshape(-1, FINE, FINE)
    return zero_lines(x, y, fields)
