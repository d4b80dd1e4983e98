"""A network whose weights two ranks share, each with examples of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from minimascope.curvature.products.fully_sharded import FullySharded
from minimascope.curvature.running.ranks import Ranks
from tests.cases.ranks import join


def case() -> tuple[nn.Sequential, Tensor, Tensor]:
    """In float64; rows of 7 and 3 do not divide by two."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()
    return network, torch.randn(11, 5).double(), torch.arange(11) % 3


def sharded(store: Path, rank: int) -> FullySharded:
    """This process's part of it; rank 0 has fewer examples."""
    join(store, rank, 2)
    network, inputs, targets = case()
    mesh = init_device_mesh("cpu", (2,))
    for layer in (network[0], network[2], network):
        fully_shard(layer, mesh=mesh)
    own = slice(4) if rank == 0 else slice(4, None)
    ranks = Ranks(dist.group.WORLD, torch.device("cpu"))
    return FullySharded(ranks, network, inputs[own], targets[own])


if __name__ == "__main__":
    torch.set_num_threads(1)
    sharded(Path(sys.argv[1]), int(sys.argv[2])).serve()
