"""Small trained networks as files, and analyses of them kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.intake.values.checkpoint import Checkpoint
from tests.cases.reference_report import Found

CNN = {
    "family": "sequential",
    "layers": [
        ["Conv2d", 1, 4, {"kernel_size": 3}],
        ["ReLU"],
        ["Conv2d", 4, 6, {"kernel_size": 3, "stride": 2}],
        ["ReLU"],
        ["Flatten"],
        ["Linear", 24, 10],
    ],
}

FOUR_FEATURES = Parameters(
    architecture={
        "family": "sequential",
        "layers": [["Linear", 4, 8], ["Tanh"], ["Linear", 8, 3]],
    },
    top_k=4,
    stages=["boundary", "margins"],
)


@dataclass
class Kept:
    """A publisher that keeps everything."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    stages: list[tuple[str, StageState]] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    last: Report | None = None

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.fractions.append(fraction)

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        self.stages.append((stage, state))

    def report(self, report: Report) -> None:
        self.last = report

    def array(self, name: str, value: np.ndarray) -> None:
        self.arrays[name] = value


def analysed(
    folder: Path, parameters: Parameters, *, unfinished: Path | None = None
) -> tuple[Report, Kept]:
    """Runs the analysis of model.pt, train.npz and test.npz in `folder`."""
    kept = Kept()
    test = folder / "test.npz"
    files = Files(folder / "model.pt", folder / "train.npz", test if test.exists() else None)
    report = run_analysis(files, parameters, workdir=folder, publisher=kept, unfinished=unfinished)
    return report, kept


def save(folder: Path, network: nn.Module, train: tuple[Tensor, Tensor], **more: Tensor) -> None:
    """model.pt and train.npz, as a user would upload them."""
    torch.save(network.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=train[0].numpy(), y=train[1].numpy(), **more)


def digit_images() -> tuple[Tensor, Tensor]:
    """1,797 digits of 8×8 pixels in [0, 1], with one channel."""
    images, labels = load_digits(return_X_y=True)
    scaled = torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    return scaled, torch.tensor(labels, dtype=torch.int64)


def digits_network(images: Tensor, labels: Tensor, *, steps: int = 150) -> nn.Sequential:
    """The network of `CNN`, trained by Adam on all images at once."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24, 10),
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()
    return network


def four_features(folder: Path) -> tuple[Files, Found]:
    """Four features, three classes, a network of 67 parameters; its own analysis."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        centres = torch.tensor([[0.0, 0, 0, 0], [3, 0, 1, 0], [0, 3, 0, -1]])
        labels = torch.arange(60) % 3
        inputs = centres[labels] + 0.5 * torch.randn(60, 4)
        network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    save(folder, network, (inputs, labels))
    report, kept = analysed(folder, FOUR_FEATURES)
    return Files(folder / "model.pt", folder / "train.npz"), (report, kept.arrays)


def opened(minimum: Minimum) -> Opened:
    """A minimum as the analysis holds it, without the file it came from."""
    return Opened(minimum, None, Checkpoint({}, format="torch", sha256="0" * 64), [], Parameters())
