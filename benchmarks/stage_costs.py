"""Predicted against taken seconds of every stage, on whole analyses.

    python benchmarks/stage_costs.py            # one thread; writes results/stage_costs.json

Each network is trained for a few seconds, saved as a user would upload it, planned and analysed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy as np
import torch
from sklearn import datasets
from torch import nn

from minimascope.analysis.costs.spectrum import plan_stage
from minimascope.analysis.costs.stages import stage_costs
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import STAGES
from minimascope.intake.networks.layers import layer

RESULTS = Path(__file__).parent / "results" / "stage_costs.json"
Row = dict[str, Any]


def chain(*widths: int, activation: str = "ReLU") -> list[list[Any]]:
    """Linear layers with activations between."""
    layers: list[list[Any]] = []
    for inputs, outputs in pairwise(widths):
        layers += [["Linear", inputs, outputs], [activation]]
    return layers[:-1]


def convolutions(channels: int, side: int, *, norm: bool = False) -> list[list[Any]]:
    """Two convolutions, each followed by pooling, on one channel."""
    layers: list[list[Any]] = []
    for inputs, outputs in ((1, channels), (channels, 2 * channels)):
        layers += [["Conv2d", inputs, outputs, {"kernel_size": 3, "padding": 1}]]
        layers += [["BatchNorm2d", outputs]] if norm else []
        layers += [["ReLU"], ["MaxPool2d", 2]]
    return [*layers, ["Flatten"], ["Linear", 2 * channels * (side // 4) ** 2, 10]]


def table(name: str, n: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n of a shuffled table of scikit-learn's, standardised; digits may be enlarged."""
    if name == "moons":
        return datasets.make_moons(n, noise=0.15, random_state=0)
    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(inputs))[:n]
    inputs, targets = inputs[order], targets[order]
    if shape:
        images = torch.tensor(inputs.reshape(-1, 1, 8, 8) / 16)
        return nn.functional.interpolate(images, shape[-1]).numpy(), targets
    return (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-6), targets


# Costs were fitted to the first group and not changed after the second was run.
FITTED = {
    "iris 4-20-3": (chain(4, 20, 3), ("iris", 150)),
    "moons 2-50-50-2": (chain(2, 50, 50, 2), ("moons", 300)),
    "digits 64-32-32-10": (chain(64, 32, 32, 10), ("digits", 500)),
    "digits 64-400-300-10": (chain(64, 400, 300, 10), ("digits", 150)),
    "CNN, 8 channels, 8 × 8": (convolutions(8, 8), ("digits", 400, 1, 8)),
    "moons 2-100-2, tanh": (chain(2, 100, 2, activation="Tanh"), ("moons", 1000)),
    "cancer 30-40-40-2": (chain(30, 40, 40, 2), ("breast_cancer", 450)),
    "wine 13-60-3": (chain(13, 60, 3), ("wine", 170)),
    "digits 64-48-48-10, GELU": (chain(64, 48, 48, 10, activation="GELU"), ("digits", 800)),
    "digits 64-1500-10": (chain(64, 1500, 10), ("digits", 250)),
    "CNN with BatchNorm, 8 × 8": (convolutions(12, 8, norm=True), ("digits", 300, 1, 8)),
    "CNN, 28 × 28": (convolutions(4, 28), ("digits", 200, 1, 28)),
}
UNSEEN = {
    "moons 2-20-20-20-2": (chain(2, 20, 20, 20, 2), ("moons", 600)),
    "wine 13-30-30-3, tanh": (chain(13, 30, 30, 3, activation="Tanh"), ("wine", 120)),
    "cancer 30-200-2": (chain(30, 200, 2), ("breast_cancer", 300)),
    "digits 64-24-10": (chain(64, 24, 10), ("digits", 1200)),
    "digits 64-128-10": (chain(64, 128, 10), ("digits", 400)),
    "CNN, 16 channels, 8 × 8": (convolutions(16, 8), ("digits", 250, 1, 8)),
    "CNN, 20 × 20": (convolutions(6, 20), ("digits", 150, 1, 20)),
}


def trained(layers: list[list[Any]], data: tuple[np.ndarray, np.ndarray]) -> nn.Module:
    """300 steps of Adam on everything."""
    torch.manual_seed(0)
    inputs, targets = torch.tensor(data[0], dtype=torch.float32), torch.tensor(data[1])
    network = nn.Sequential(*(layer(entry, place) for place, entry in enumerate(layers)))
    for module in network.to_empty(device="cpu"):  # layers are described, not made
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimiser.step()
    return network.eval()


class Silent:
    """A publisher that keeps nothing."""

    def progress(self, *_: object) -> None: ...

    def stage(self, *_: object) -> None: ...

    def report(self, *_: object) -> None: ...

    def array(self, *_: object) -> None: ...


def measured(name: str, layers: list[list[Any]], source: tuple[Any, ...]) -> Row:
    """Predicted and taken seconds of every stage."""
    data = table(*source)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        torch.save(trained(layers, data).state_dict(), folder / "model.pt")
        np.savez(folder / "train.npz", X=data[0].astype(np.float32), y=data[1])
        files = Files(folder / "model.pt", folder / "train.npz", None)
        asked = Parameters(
            architecture={"family": "sequential", "layers": layers}, weight_decay=1e-4
        )
        opened = open_files(files, asked, workdir=folder)
        started = time.perf_counter()
        plan = plan_stage(opened.minimum, asked)
        costs = stage_costs(opened.minimum, plan, STAGES, top_k=asked.top_k)
        planning = time.perf_counter() - started
        report = run_analysis(files, asked, workdir=folder, publisher=Silent())
    taken = {stage: report.wall_seconds[stage] for stage in STAGES}
    row: Row = {"network": name, "p": opened.minimum.dim, "n": opened.minimum.n}
    return {**row, "planning": planning, "predicted": costs, "taken": taken}


def line(row: Row) -> str:
    pairs = [f"{row['predicted'][s]:7.1f} /{row['taken'][s]:7.1f}" for s in STAGES]
    whole = [sum(row[kind].values()) for kind in ("predicted", "taken")]
    return f"{row['network']:28}" + "".join(pairs) + f"{whole[0]:8.1f} /{whole[1]:7.1f}"


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'predicted / taken, seconds':28}" + "".join(f"{s:>16}" for s in STAGES) + "   all")
    found: dict[str, list[Row]] = {}
    for group, networks in (("unseen", UNSEEN), ("fitted", FITTED)):
        for name, (layers, source) in networks.items():
            row = measured(name, layers, source)
            found.setdefault(group, []).append(row)
            print(line(row), flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
