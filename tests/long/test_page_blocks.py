"""Python on the pages that explain is run as a script would run it, block after block."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import minimascope as ms
from tests.cases.script import trained

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"in_your_script": 7, "cross_validation": 1, "network_architectures": 1}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
# A server's own part: tests/service. Nothing listens at the other one.
SERVED, AWAY = "ms.Client(", "http://127.0.0.1:9"
Hand = dict[str, Any]


class Pair(nn.Module):
    """Takes two tensors, as encoders do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.layer(ids * mask)


def taken(*_: object, **__: object) -> None:
    """A logger, or a trainer, of somebody else."""


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """What a script has in hand; names of other packages' trainers and loggers."""
    script = trained()
    monkeypatch.chdir(tmp_path)
    batch = {"ids": script.X, "mask": torch.ones_like(script.X), "labels": script.y}
    others = ("wandb", "trackio", "mlflow", "writer", "lightning", "transformers")
    logs = SimpleNamespace(log=taken, log_metrics=taken, add_scalar=taken, Trainer=taken)
    return {
        **dict.fromkeys(others, logs),
        "ms": ms,
        "nn": nn,
        "torch": torch,
        "epochs": 2,
        "model": script.model,
        "network": script.model,
        "criterion": script.criterion,
        "train_loader": script.loader,
        "test_loader": script.test,
        "X": script.X,
        "y": script.y,
        "optimizer": optim.SGD(script.model.parameters(), lr=0.05, weight_decay=0.02),
        "a": None,
        "encoder": Pair(),
        "batches": [batch],
        "example_inputs": script.X[:2],
        "flips_and_shifts": lambda x: x + 0.1 * torch.randn_like(x),
    }


def blocks(page: str) -> Iterator[str]:
    for block in BLOCK.findall((DOCS / f"{page}.md").read_text()):
        if SERVED not in block:
            yield block.replace("http://127.0.0.1:8717", AWAY)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_from_its_first_block_to_its_last(
    page: str, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, analyze = list(blocks(page)), ms.analyze
    assert len(found) >= PAGES[page]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # other packages', of what they lack here
        for block in found:
            exec(block, hand)  # our own page
            # One whole report a page; what follows is other ways to say the same.
            monkeypatch.setattr(ms, "analyze", partial(analyze, stages=["spectrum"], top_k=2))


def test_a_script_under_torchrun_is_the_pages(hand: Hand, tmp_path: Path) -> None:
    """One rank of one; several: tests/long/training/test_ranks.py."""
    hand["minimascope"] = SimpleNamespace(analyze=partial(ms.analyze, stages=["spectrum"], top_k=2))
    first, second = blocks("howto/several_devices")
    assert "process_group" in first
    assert "FullySharded" in second
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        exec(first, hand)  # our own page
        hand["network"] = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        hand["inputs"], hand["targets"] = torch.randn(9, 4).double(), torch.arange(9) % 3
        fully_shard(hand["network"], mesh=init_device_mesh("cpu", (1,)))
        exec(second.replace('"cuda"', '"cpu"'), hand)
    finally:
        torch.distributed.destroy_process_group()
    assert len(hand["pairs"].eigenvalues) == 3
    assert hand["report"].spectrum is not None
