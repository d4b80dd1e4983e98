"""Products by one process and by two, with one thread and with two: wall and CPU seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import torch
import torch.distributed as dist
from torch import nn

from devices.networks import Gpt, texts
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.following import follow, tell_constants
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.spread import Leader, leading
from minimascope.curvature.running.ranks import Ranks

ROUNDS = 7
TICKS = os.sysconf("SC_CLK_TCK")
MLP, GPT = "MLP, 1.3M, n = 2,000", "GPT, 1.3M, 16 × 128 tokens"


def minimum_of(name: str) -> Minimum:
    """The same at both ranks."""
    torch.manual_seed(0)
    if name == GPT:
        load = texts(Gpt(5000, 128, 128, 3, 4, tied=True), 16, 128, 5000)
        like = {"dtype": torch.float32}
        return prepare(load.network, load.inputs, load.targets, loss=load.loss, **like)
    layers = [nn.Linear(256, 1000), nn.Tanh(), nn.Linear(1000, 1000), nn.Tanh()]
    network = nn.Sequential(*layers, nn.Linear(1000, 10))
    return prepare(network, torch.randn(2000, 256), torch.randint(10, (2000,)))


def measured(name: str) -> dict[str, Any]:
    """Least wall seconds of a product, and CPU seconds of all processes, ways taken in turn."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        command = [sys.executable, __file__, str(store), name]
        with subprocess.Popen(command) as other:
            ranks = joined(store, 0)
            root = minimum_of(name)
            tell_constants(ranks, root)
            found = _in_turn(root, Leader(ranks, root), other.pid)
            ranks.say({"do": "end"})
        dist.destroy_process_group()
    return found


def _in_turn(root: Minimum, leader: Leader, other: int) -> dict[str, Any]:
    v = torch.randn(root.dim, generator=torch.Generator().manual_seed(0)).to(root.theta)
    found: dict[str, Any] = {}
    for kind, make in (("Hessian", hessian), ("GGN", ggn)):
        with leading(leader):
            shared = make(root)
        alone = make(root)
        rows = {"one process": (alone, 1), "two threads": (alone, 2), "two processes": (shared, 1)}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for name, (operator, threads) in ROUNDS * list(rows.items()):
            torch.set_num_threads(threads)
            taken[name].append(_once(lambda op=operator: op.matvec(v), other))
        least = {
            name: {
                "wall": min(w for w, _ in times),
                "cpu": sorted(c for _, c in times)[ROUNDS // 2],
            }
            for name, times in taken.items()
        }
        difference = float((shared.matvec(v) - alone.matvec(v)).norm() / v.norm())
        found[kind] = least | {"difference": difference}
    return found


def _once(work: Callable[[], object], other: int) -> tuple[float, float]:
    began, own, theirs = time.perf_counter(), time.process_time(), _cpu(other)
    work()
    wall = time.perf_counter() - began
    return wall, time.process_time() - own + _cpu(other) - theirs


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def joined(store: Path, rank: int) -> Ranks:
    """One of two processes."""
    how = {"rank": rank, "world_size": 2, "timeout": timedelta(minutes=2)}
    dist.init_process_group("gloo", store=dist.FileStore(str(store), 2), **how)
    return Ranks(dist.group.WORLD, torch.device("cpu"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    met = joined(Path(sys.argv[1]), 1)
    follow(met, minimum_of(sys.argv[2]))
