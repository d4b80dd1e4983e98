"""A fit of the real Lightning, tracked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    import pytorch_lightning as pl

from minimascope.callbacks import LightningCallback

pytestmark = pytest.mark.filterwarnings("ignore")  # a library's own


def data(seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(64, 2, generator=generator)
    return TensorDataset(X, (X[:, 0] * X[:, 1] > 0).long())


class Net(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, _: int) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("val", nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


def fitted(tmp_path: Path, *callbacks: Any, **more: Any) -> Net:
    torch.manual_seed(0)
    module = Net()
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=list(callbacks),
        **more,
    )
    trainer.fit(module, DataLoader(data(0), 16, shuffle=True), DataLoader(data(1), 16))
    return module


def test_a_fit_is_tracked_and_is_the_fit_that_it_would_have_been(tmp_path: Path) -> None:
    logged: list[dict[str, float]] = []
    callback = LightningCallback(every=2, budget=None, log=logged.append)
    followed, plain = fitted(tmp_path, callback), fitted(tmp_path)
    pairs = zip(followed.parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert callback.tracker
    assert [each.step for each in callback.tracker.history] == [2, 4, 6, 8, 10, 12]
    last = callback.tracker.history[-1]
    assert last.limit == pytest.approx(2 * 1.9 / 0.1)
    assert last.gap is not None  # of the validation data
    assert last.margin is not None
    assert len(logged) == 6


def test_gathered_gradients_are_one_step(tmp_path: Path) -> None:
    callback = LightningCallback(
        criterion=nn.CrossEntropyLoss(), model=lambda module: module.net, every=1, budget=None
    )
    fitted(tmp_path, callback, accumulate_grad_batches=2)
    assert callback.tracker
    assert [each.step for each in callback.tracker.history] == [1, 2, 3, 4, 5, 6]
