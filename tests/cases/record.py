"""Records what a real worker answers, for the tests that look at pages and not at numbers.

Run `python -m tests.cases.record`; it writes tests/cases/recorded. The files are made here, small
and always the same; each handler is the worker's own. tests/unit/workers/test_recorded.py holds
that the recordings are still what a worker answers.
"""

from __future__ import annotations

import io
import json
import queue
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimascope.contract.job_kinds import KindName
from tests.cases.analyses import digit_images, digits_network
from workers.jobs.job import Job
from workers.jobs.lookup import perform
from workers.publishing import SupervisorPublisher

FOLDER = Path(__file__).parent / "recorded"
CLASSES = ["cat", "dog", "fox"]
# Its name, kind, files by role, parameters and question.
Asked = tuple[str, KindName, dict[str, str], dict[str, Any], dict[str, Any] | None]
MLP = {"family": "mlp", "activation": "gelu"}


def deep() -> dict[str, Tensor]:
    """Forty convolutions: a table of layers that has to be unfolded."""
    torch.manual_seed(0)
    network = nn.Sequential(*[nn.Conv2d(16, 16, 3) for _ in range(40)])
    return {f"features.{name}": value for name, value in network.state_dict().items()}


def rows() -> tuple[np.ndarray, np.ndarray]:
    """1,200 images in classes by their brightness, three of them twice."""
    images = digit_images()[0].numpy()[:1200].copy()
    images[-3:] = images[:3]
    order = images.mean((1, 2, 3)).argsort()
    labels = np.empty(1200, dtype=np.int64)
    labels[order] = np.repeat(np.arange(3), (900, 250, 50))
    return images, labels


def table() -> str:
    """Sixty flowers of two species; which column is the label has to be said."""
    widths = np.random.default_rng(0).normal(3.0, 0.4, 60).round(1)
    species = np.where(np.arange(60) < 31, "setosa", "virginica")
    lines = [f"{width},{name}" for width, name in zip(widths, species, strict=True)]
    return "\n".join(["width,species", *lines]) + "\n"


def mlp(inputs: Tensor, labels: Tensor, *, seed: int = 0) -> nn.Sequential:
    """64–32–3 with GELU, trained by Adam on all images at once.

    In float64: 500 steps in float32 carry one processor's rounding to singular values 12% away.
    """
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 3)).double()
    inputs = inputs.double()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(500):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return network.float()


def training() -> dict[str, Any]:
    """A checkpoint in the middle of training: AdamW, decay on matrices, cosine to 0."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 3))
    matrices = [q for q in network.parameters() if q.ndim > 1]
    rest = [{"params": [q for q in network.parameters() if q.ndim < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, *rest], lr=0.01, betas=(0.9, 0.99)
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    for _ in range(20):
        optimizer.zero_grad()
        network(torch.randn(8, 64)).square().mean().backward()
        optimizer.step()
        scheduler.step()
    parts = {"model": network, "optimizer": optimizer, "scheduler": scheduler}
    saved: dict[str, Any] = {name: each.state_dict() for name, each in parts.items()}
    return saved | {"hparams": {"label_smoothing": 0.1, "dropout": 0.2, "batch_size": 8}}


def write(folder: Path) -> dict[str, Path]:
    """The uploads, by the name that each has below."""
    images, labels = rows()
    flat, targets = torch.tensor(images).flatten(1), torch.tensor(labels)
    network = mlp(flat, targets)
    digits, classes = digit_images()
    convolutional = digits_network(digits[:200], classes[:200])
    torch.save({"state_dict": deep(), "ema": deep()}, folder / "deep.pt")
    torch.save(network.state_dict(), folder / "mlp.pt")
    torch.save(training(), folder / "adamw.pt")
    torch.save(mlp(flat, targets, seed=1).state_dict(), folder / "other.pt")
    torch.save(convolutional.state_dict(), folder / "cnn.pt")
    np.savez(folder / "images.npz", X=images, y=np.array(CLASSES)[labels])
    np.savez(folder / "flat.npz", X=flat.numpy(), y=labels)
    np.savez(folder / "digits.npz", X=digits[:200].numpy(), y=classes[:200].numpy())
    (folder / "iris.csv").write_text(table())
    return {path.stem: path for path in folder.iterdir()}


def asked() -> Iterator[Asked]:
    """Each recording."""
    pair = {"checkpoint": "mlp", "train": "flat"}
    drawn = {"checkpoint": "cnn", "train": "digits"}
    line = {"request": {"other": "0" * 32, "steps": 4}, "architecture": MLP}
    yield "inspect_checkpoint", "inspect_checkpoint", {"checkpoint": "deep"}, {}, None
    yield "inspect_checkpoint-adamw", "inspect_checkpoint", {"checkpoint": "adamw"}, {}, None
    yield "inspect_dataset", "inspect_dataset", {"dataset": "images"}, {}, None
    yield "inspect_dataset-iris", "inspect_dataset", {"dataset": "iris"}, {}, None
    yield "labelled", "labelled", {"dataset": "iris"}, {"label": "species"}, None
    yield "architectures", "architectures", pair, {}, None
    yield "architectures-cnn", "architectures", drawn, {}, None
    yield "weights", "weights", {"checkpoint": "mlp"}, {"name": "mlp.pt"}, None
    yield "check", "check", pair, {"architecture": MLP}, None
    yield "plan", "plan", pair, {"architecture": MLP}, None
    yield "interpolation", "interpolation", pair | {"other": "other"}, {"architecture": MLP}, line


def answers(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a worker answers now, by the name of the recording; `folder` is empty."""
    (folder / "files").mkdir()
    files = write(folder / "files")
    for name, kind, roles, parameters, question in asked():
        workdir = folder / name
        workdir.mkdir()
        document = {
            "kind": kind,
            "files": {role: str(files[file]) for role, file in roles.items()},
            "parameters": parameters,
            "question": question,
            "workdir": str(workdir),
        }
        publisher = SupervisorPublisher(io.StringIO(), workdir)
        answer = perform(Job.of(document, publisher, queue.SimpleQueue()))
        assert answer is not None
        yield name, answer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, answer in answers(Path(folder)):
            text = json.dumps(answer, indent=1, ensure_ascii=False)
            (FOLDER / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
