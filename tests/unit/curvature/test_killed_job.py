"""An analysis that ends in the middle of its eigenvalues: the next attempt goes on where it was."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running import saved_state
from minimascope.machine import unfinished


def lanczos_size() -> Minimum:
    """p = 5,615 and n·K = 1,500, too many for the exact routes."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(10, 80), nn.Tanh(), nn.Linear(80, 55), nn.Tanh())
    network.append(nn.Linear(55, 5))
    return prepare(network, torch.randn(300, 10), torch.randint(0, 5, (300,)))


class KilledError(BaseException):
    pass


class Listener:
    """Publishes to lists; `patience` products later it pulls the plug."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.products: list[int] = []
        self.partial: list[np.ndarray] = []

    def progress(self, stage: str, fraction: float, message: str) -> None:
        if "products done of about" in message:
            self.products.append(int(message.split()[0]))
            if len(self.products) == self.patience:
                raise KilledError

    def stage(self, stage: str, state: str, seconds: float | None) -> None:
        pass

    def report(self, report: Report) -> None:
        pass

    def array(self, name: str, value: np.ndarray) -> None:
        if name == "eigenvalues":
            self.partial.append(value)


def files(folder: Path) -> Files:
    minimum = lanczos_size()
    torch.save(minimum.network.state_dict(), folder / "checkpoint")
    with (folder / "train").open("wb") as file:
        np.savez(file, X=minimum.inputs.numpy(), y=minimum.targets.numpy())
    return Files(folder / "checkpoint", folder / "train")


def test_an_analysis_goes_on_from_its_state_and_tells_what_has_converged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_state, "EVERY", 0.0)
    monkeypatch.setattr(saved_state, "SHARE", 0)
    asked: dict[str, Any] = {"family": "mlp", "activation": "tanh"}
    parameters = Parameters(architecture=asked, stages=["spectrum"], top_k=3)
    paths, folder = files(tmp_path), tmp_path / "unfinished"
    first, second = Listener(20), Listener(10_000)
    with pytest.raises(KilledError):
        run_analysis(paths, parameters, workdir=tmp_path, publisher=first, unfinished=folder)
    assert first.products == list(range(1, 21))
    report = run_analysis(paths, parameters, workdir=tmp_path, publisher=second, unfinished=folder)
    assert second.products[0] == 21
    assert report.spectrum is not None
    assert report.spectrum.plan is not None
    assert report.spectrum.plan.actual_products == report.spectrum.products
    assert report.spectrum.plan.actual_peak_bytes is not None
    assert [block.layer for block in report.spectrum.layer_blocks] == ["0", "2", "4"]
    # What was told on the way is the beginning of the result, to the residual 1e-6 squared.
    assert len(second.partial) >= 2
    top = report.spectrum.eigenvalues[0]
    assert abs(second.partial[0][0] - top) <= 1e-6 * top
    assert not any(folder.iterdir())


def test_states_live_in_a_private_folder_and_go_with_their_job(tmp_path: Path) -> None:
    home = tmp_path / "data" / "unfinished"
    path = unfinished.kept_in(unfinished.unfinished(home, "ab12"), "spectrum")
    assert path is not None
    assert [each.stat().st_mode & 0o077 for each in path.parents[:2]] == [0, 0]
    path.write_bytes(b"state")
    old = unfinished.kept_in(unfinished.unfinished(home, "cd34"), "gap")
    assert old is not None
    old.write_bytes(b"old")
    long_ago = time.time() - unfinished.KEPT_SECONDS - 1
    os.utime(old.parent, (long_ago, long_ago))
    unfinished.forget_old(home)
    assert path.exists()
    assert not old.parent.exists()
    unfinished.forget(home, "ab12")
    assert not path.parent.exists()
    assert unfinished.unfinished(home, "../ab12") is None


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    home = unfinished.folder(tmp_path / "unfinished")
    assert home is not None
    home.chmod(0o777)
    assert unfinished.folder(home) is None
    assert unfinished.unfinished(home, "ab12") is None
