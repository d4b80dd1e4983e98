"""What following a training run costs, and `analyze` beside the same question asked of peers.

    python benchmarks/tracking.py [--seconds 40] [--output benchmarks/results/tracking.json]

Peers (hessian-eigenthings, PyHessian; curvlinops is among the test tools) are installed without
their dependencies, beside the torch that is here:

    pip install --no-deps --target peers pyhessian==0.1 hessian-eigenthings==1.0.0a5
    PYTHONPATH=peers python benchmarks/tracking.py

Overhead of `minimascope.track`, three ways: by its own account (the wall's clock), by processor
time in its calls, and by blocks of steps with and without it that alternate.

The question: two top eigenpairs of H to residuals of 1% of λ₁, and its trace. `analyze` answers it
with all that its spectrum stage has beside; `track` is one more measurement along a run, warm.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

import minimascope as ms
from benchmarks.spectra.tools import tools
from minimascope.curvature.minimum.minimum import prepare

TARGET, PAIRS, PROBES, REPEATS = 1e-2, 2, 16, 3
BLOCK = 50  # steps


@dataclass
class Script:
    """What a training script has in hand."""

    name: str
    model: nn.Module
    X: Tensor
    y: Tensor
    batch: int

    def followed(self, seconds: float) -> dict[str, float]:
        """Trains for so much processor time, the tracker called in every second block of steps.

        Blocks with it and without it alternate, so that a machine which slows down slows both.
        """
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        tracker = ms.track(self.model, (self.X, self.y), criterion, optimizer)
        generator = torch.Generator().manual_seed(0)
        took, steps, inside = [0.0, 0.0], 0, 0.0
        while sum(took) < seconds:
            told = steps // BLOCK % 2
            began = time.process_time()
            rows = torch.randint(len(self.X), (self.batch,), generator=generator)
            optimizer.zero_grad()
            criterion(self.model(self.X[rows]), self.y[rows]).backward()
            optimizer.step()
            steps += 1
            if told:
                called = time.process_time()
                tracker(steps)
                inside += time.process_time() - called
            took[told] += time.process_time() - began
        return {
            "steps": steps,
            "seconds_per_step": 2 * took[0] / steps,
            "measurements": len(tracker.history),
            "share_by_the_tracker": tracker.overhead,
            "share_by_processor_time": inside / (sum(took) - inside),
            "share_by_blocks": (took[1] - took[0]) / (2 * took[0]),
        }


def scripts() -> list[Script]:
    """A perceptron and a convolutional network on data with something to learn."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(4000, 20, generator=generator)
    y = (X[:, :5].prod(dim=1) > 0).long() + 2 * (X[:, 5] > 0).long()
    mlp = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
    images = torch.randn(2000, 3, 16, 16, generator=generator)
    labels = images[:, :, :8].mean(dim=(2, 3)).argmax(dim=1)
    cnn = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(128, 3),
    )  # fmt: skip
    return [
        Script("perceptron, 20-64-64-4", mlp.append(nn.Linear(64, 4)), X, y, 128),
        Script("convolutions, 3x16x16", cnn, images, labels, 128),
    ]


def timed(call: Callable[[], Any]) -> float:
    """Median processor seconds of some calls, after one that nobody counts."""
    call()
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return statistics.median(found)


def questions(script: Script, examples: int = 256) -> dict[str, Any]:
    """Seconds for pairs and trace, ours and peers', all on the same examples in float32."""
    X, y = script.X[:examples], script.y[:examples]
    optimizer = torch.optim.SGD(script.model.parameters(), lr=0.05)
    given = (script.model, (X, y), nn.CrossEntropyLoss(), optimizer)
    tracker = ms.track(*given, examples=examples, budget=None)
    tracker.measure()
    told = {"stages": ["spectrum"], "top_k": PAIRS, "dtype": "float32", "progress": False}
    found = {
        "minimascope.track, one more measurement": timed(tracker.measure),
        "minimascope.analyze, stage spectrum": timed(lambda: ms.analyze(*given, **told)),
    }
    minimum = prepare(ms_copy(script.model), X, y, dtype=torch.float32)
    values = tracker.result.spectrum.eigenvalues
    peers, missing = tools(minimum, values[0] / values[-1])
    for tool in peers:
        if tool.name.startswith("minimascope") or tool.trace is None:
            continue
        trace, pairs = tool.trace, tool.pairs(PAIRS, TARGET)
        found[tool.name] = timed(lambda p=pairs, t=trace: (p(), t(PROBES, 0)))
    ours = found["minimascope.analyze, stage spectrum"]
    warm = found["minimascope.track, one more measurement"]
    return {
        "seconds": found,
        "times_analyze": {name: each / ours for name, each in found.items()},
        "times_track": {name: each / warm for name, each in found.items()},
        "missing": missing,
    }


def ms_copy(model: nn.Module) -> nn.Module:
    """Peers get the network of `analyze`, which is a copy in evaluation mode."""
    import copy

    return copy.deepcopy(model).eval()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of tracked training, each")
    results = Path(__file__).parent / "results"
    parser.add_argument("--output", type=Path, default=results / "tracking.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found: dict[str, Any] = {"torch": torch.__version__, "threads": 1, "networks": {}}
    for script in scripts():
        row = {"followed": script.followed(asked.seconds), "question": questions(script)}
        found["networks"][script.name] = row
        asked.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        print(script.name, json.dumps(row, indent=1, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
