"""One analysis by one worker, and by two that share it: the same numbers, sooner."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from minimascope.client import Client
from minimascope.contract.parameters import Parameters
from minimascope.contract.schemas import Analysis, AnalysisRequest
from tests.servers.deployment import Deployment

EXAMPLES, EPOCHS = 1000, 60
LAYERS: list[Any] = [
    ["Conv2d", 1, 8, {"kernel_size": 3, "padding": 1}],
    ["ReLU"],
    ["MaxPool2d", 2],
    ["Conv2d", 8, 16, {"kernel_size": 3, "padding": 1}],
    ["ReLU"],
    ["MaxPool2d", 2],
    ["Flatten"],
    ["Linear", 784, 10],
]


def files(folder: Path) -> None:
    """model.pt, train.npz and test.npz: 9,098 parameters, digits enlarged to 28 × 28."""
    images, labels = load_digits(return_X_y=True)
    small = torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    inputs = nn.functional.interpolate(small, size=28, mode="bilinear")
    targets = torch.tensor(labels)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(inputs), generator=generator)
    inputs, targets = inputs[order], targets[order]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(784, 10)),
        )
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(EXAMPLES, generator=generator).split(100):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(inputs[batch]), targets[batch]).backward()
            optimiser.step()
        schedule.step()
    torch.save(network.state_dict(), folder / "model.pt")
    for name, part in (("train", slice(EXAMPLES)), ("test", slice(EXAMPLES, None))):
        np.savez(folder / f"{name}.npz", X=inputs[part].numpy(), y=targets[part].numpy())


def _request(client: Client, folder: Path) -> AnalysisRequest:
    ids = {
        name: client.store("checkpoint" if name == "model" else "dataset", folder / file).id
        for name, file in (("model", "model.pt"), ("train", "train.npz"), ("test", "test.npz"))
    }
    architecture = {"family": "sequential", "layers": LAYERS}
    parameters = Parameters(architecture=architecture, weight_decay=5e-4)
    return AnalysisRequest(
        checkpoint=ids["model"], train=ids["train"], test=ids["test"], parameters=parameters
    )


def _ended(client: Client, identifier: str) -> Analysis:
    while True:
        found = client.analysis(identifier)
        if found.state in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.1)


def _numbers(client: Client, found: Analysis) -> str:
    """A hash of the report, but for its times, and of every array."""
    report = client.report(found.id).model_dump(mode="json", exclude={"wall_seconds"})
    for section in ("spectrum", "gap"):
        report[section].pop("plan", None)  # what it was to take, and took
    digest = hashlib.sha256(json.dumps(report, sort_keys=True).encode())
    for name in sorted(found.arrays):
        digest.update(np.ascontiguousarray(client.array(found.id, name)).tobytes())
    return digest.hexdigest()[:16]


def _cpu_seconds(pid: int) -> float:
    """Of a process, those that it waited for and those that it has."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    # Children are started by threads of a worker, too.
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            children += (task / "children").read_text().split()
    return own + sum(_cpu_seconds(int(child)) for child in children)


def shared(workers: int = 2) -> dict[str, Any]:
    """The convolutional network of the trial by so many workers of one thread each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Deployment(child="", lease=15.0) as deployment,
    ):
        files(Path(folder))
        deployment.start_redis()
        deployment.start_api()
        for number in range(workers):
            deployment.start_worker(f"worker-{number}")
        deployment.await_workers(workers)
        pids = [deployment.processes[f"worker-{number}"].pid for number in range(workers)]
        with deployment.client() as client:
            request = _request(client, Path(folder))
            before = [_cpu_seconds(pid) for pid in pids]
            found = _ended(client, client.submit(request).id)
            spent = [_cpu_seconds(pid) - cpu for pid, cpu in zip(pids, before, strict=True)]
            assert found.state == "done", found.problem
            assert found.started_at
            assert found.finished_at
            stages = {each.stage: round(each.seconds or 0, 1) for each in found.stages}
            return {
                "workers": workers,
                "seconds": round((found.finished_at - found.started_at).total_seconds(), 1),
                "cpu_seconds": [round(each, 1) for each in spent],
                "stages": stages,
                "failures": [each.stage for each in client.report(found.id).failures],
                "numbers": _numbers(client, found),
            }


def shared_by_one() -> dict[str, Any]:
    """The same by one worker."""
    return shared(1)


TRIALS = {"shared_by_one": shared_by_one, "shared_by_two": shared}
