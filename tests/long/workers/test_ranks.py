"""A worker's child with two devices: the numbers of one, and a lost process is said to be lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minimascope.contract.problems import ProblemError
from minimascope.machine.processes import descendants
from tests.unit.workers.test_kept_child import ASKED, minimum
from workers import device
from workers.process.child_process import ChildProcess
from workers.sharing.ranks import others_for

COMMAND = (sys.executable, "-m", "workers.process.child")


def tell(child: ChildProcess, folder: Path, place: Path, devices: list[str]) -> None:
    place.mkdir()
    files = {"checkpoint": str(folder / "model.pt"), "train": str(folder / "train.npz")}
    parameters = {**ASKED, "stages": ["spectrum"]}
    document = {"kind": "analysis", "files": files, "workdir": str(place), "devices": devices}
    child.tell({**document, "memory_share": 1.0, "parameters": parameters})


def last_event(child: ChildProcess) -> dict[str, Any]:
    last = ("end", "problem", "rank_lost")
    while event := child.events.get(timeout=240):
        if event["event"] in last:
            return event
    raise AssertionError(child.stderr_tail())


def test_two_processes_find_what_one_finds_and_a_lost_one_is_no_failure(tmp_path: Path) -> None:
    """Of a lost one the supervisor hears, and gives the job back to be taken anew."""
    folder, child = minimum(tmp_path / "a", width=8), ChildProcess(COMMAND)
    try:
        found = []
        for name, devices in (("two", ["cpu", "cpu"]), ("one", ["cpu"])):
            tell(child, folder, tmp_path / name, devices)
            assert last_event(child)["event"] == "end"
            report = json.loads((tmp_path / name / "report.json").read_text())
            found.append(report["spectrum"]["eigenvalues"])
        tell(child, folder, tmp_path / "lost", ["cpu", "cpu"])
        os.kill(following(child), signal.SIGKILL)
        event = last_event(child)
    finally:
        child.end()
    assert (tmp_path / "two" / "ranks").exists()
    np.testing.assert_allclose(*found, rtol=1e-9)
    assert event["event"] == "rank_lost"
    assert "process of this analysis" in event["sentence"]


def following(child: ChildProcess) -> int:
    """The other process, once it is there."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for each in descendants(child.session):
            command = Path(f"/proc/{each}/cmdline")
            if command.exists() and b"workers.sharing.follower" in command.read_bytes():
                return each
        time.sleep(0.02)
    raise AssertionError(child.stderr_tail())


def test_devices_are_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device.choose_several("cuda:1,cuda:3") == ["cuda:1", "cuda:3"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,3"
    for wrong in ("cpu,cuda:0", "cuda,cuda", "tpu,tpu"):
        with pytest.raises(ProblemError, match="no devices of one kind"):
            device.choose_several(wrong)
    assert others_for(["cpu", "cpu", "cpu"], "cpu") == ["cpu", "cpu"]
    assert others_for(["cuda:0", "cuda:1"], "cpu") == ()
