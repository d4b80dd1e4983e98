"""Several processes with gloo on this machine: rank 0 is the test, the others are `follower`s."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.following import follow, tell_constants
from minimascope.curvature.products.spread import Leader
from minimascope.curvature.running.ranks import RankLostError, Ranks

LOST = 7  # the exit status of a follower whose leader is gone


def case(*, running_mean: float = 0.3) -> Minimum:
    """A convolution behind a BatchNorm, 13 examples: three ranks have unlike shares."""
    torch.manual_seed(3)
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(48, 4))
    norm = layers[1]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    norm.running_mean.fill_(running_mean)
    return prepare(network, torch.randn(13, 1, 4, 4), torch.randint(4, (13,)))


def join(store: Path, rank: int, count: int) -> None:
    """Makes this process one of so many."""
    patience = timedelta(seconds=60)
    where = dist.FileStore(str(store), count)
    dist.init_process_group("gloo", store=where, rank=rank, world_size=count, timeout=patience)


def follower(store: str, rank: str, count: str) -> int:
    """The program of another rank, whose running statistics are not those of rank 0."""
    torch.set_num_threads(1)
    join(Path(store), int(rank), int(count))
    try:
        follow(Ranks(dist.group.WORLD, torch.device("cpu")), case(running_mean=0.0))
    except RankLostError:
        return LOST
    return 0


@contextmanager
def led(store: Path, *, count: int = 2) -> Iterator[tuple[Leader, list[subprocess.Popen[bytes]]]]:
    """This process as rank 0 of `case`, and the others, which end with it."""
    command = [sys.executable, "-m", "tests.cases.ranks", str(store)]
    others = [subprocess.Popen([*command, str(k), str(count)]) for k in range(1, count)]
    try:
        join(store, 0, count)
        ranks, root = Ranks(dist.group.WORLD, torch.device("cpu")), case()
        tell_constants(ranks, root)
        yield Leader(ranks, root), others
    finally:
        for each in others:
            each.kill()
            each.wait()
        dist.destroy_process_group()


if __name__ == "__main__":
    sys.exit(follower(*sys.argv[1:]))
