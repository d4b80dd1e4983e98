"""The other processes of an analysis on several devices: started, waited for, ended.

They meet through a file in the job's folder: no port is opened but what gloo and NCCL use.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.opening import Files, open_files, torch_device
from minimascope.contract.parameters import Parameters
from minimascope.curvature.running.ranks import RankLostError, Ranks

COMMAND = (sys.executable, "-P", "-m", "workers.sharing.follower")
STORE, DOCUMENT, HERE = "ranks", "ranks.json", "here"
MEETING = timedelta(minutes=2)  # once all have started
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Given:
    """What every process of an analysis has."""

    files: Files
    parameters: Parameters
    workdir: Path
    memory_share: float

    def opened(self, count: int) -> Opened:
        """As all of `count` processes open it, each with its share of the threads."""
        found = open_files(self.files, self.parameters, workdir=self.workdir)
        if self.parameters.device == "cpu":
            torch.set_num_threads(max(1, torch.get_num_threads() // count))
        return found

    def document(self) -> dict[str, Any]:
        files = {k: str(path) for k, path in asdict(self.files).items() if path is not None}
        parameters = self.parameters.model_dump(mode="json", exclude_defaults=True)
        return {
            "files": files,
            "parameters": parameters,
            "workdir": str(self.workdir),
            "memory_share": self.memory_share,
        }

    @classmethod
    def of(cls, document: dict[str, Any], workdir: Path) -> Given:
        """Of another process, in a folder of its own. A budget is for rank 0 to keep."""
        files = Files(**{k: Path(path) for k, path in document["files"].items()})
        parameters = Parameters.model_validate({**document["parameters"], "seconds": None})
        return cls(files, parameters, workdir, document["memory_share"])


def others_for(devices: Sequence[str], kind: str) -> Sequence[str]:
    """Those beside the first, where they are of the kind that an analysis asks for."""
    return devices[1:] if all(each.partition(":")[0] == kind for each in devices) else ()


@contextlib.contextmanager
def started(given: Given, others: Sequence[str]) -> Iterator[Ranks]:
    """This process as rank 0 of one for each of the devices. RankLostError where one ends."""
    document = given.workdir / DOCUMENT
    document.write_text(json.dumps(given.document() | {"count": 1 + len(others)}))
    with contextlib.ExitStack() as stack:
        processes = [_start(document, k, device) for k, device in enumerate(others, start=1)]
        for each in processes:
            stack.callback(_end, each)
        store = dist.FileStore(str(given.workdir / STORE), 1 + len(others))
        while store.add(HERE, 0) < len(others):
            if any(each.poll() is not None for each in processes):
                raise RankLostError("A process of this analysis ended before it began.")
            time.sleep(LOOK_SECONDS)
        ranks = meet(store, 0, 1 + len(others), given.parameters.device)
        stack.callback(dist.destroy_process_group)
        yield ranks


def meet(store: dist.Store, rank: int, count: int, device: str) -> Ranks:
    """This process among `count`, all of which call it at the same time."""
    try:
        dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=MEETING)
    except RuntimeError as error:
        raise RankLostError(f"The processes of this analysis did not meet: {error}") from error
    return Ranks(dist.group.WORLD, torch_device(device))


def _start(document: Path, rank: int, device: str) -> subprocess.Popen[bytes]:
    """In the session of this process, so that whoever ends that ends it."""
    environment = {**os.environ}
    if device != "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = device.partition(":")[2]
    return subprocess.Popen(  # noqa: S603 - the command is ours
        [*COMMAND, str(document), str(rank)], stdin=subprocess.DEVNULL, env=environment
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
