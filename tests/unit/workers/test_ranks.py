"""A worker's child with two devices: the numbers of one, and a lost process is said to be lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
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


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    made = ChildProcess(COMMAND)
    yield made
    made.end()


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


def test_two_processes_find_what_one_finds_and_the_child_goes_on(
    tmp_path: Path, child: ChildProcess
) -> None:
    folder = minimum(tmp_path / "a", width=8)
    found = []
    for name, devices in (("two", ["cpu", "cpu"]), ("one", ["cpu"])):
        tell(child, folder, tmp_path / name, devices)
        assert last_event(child)["event"] == "end"
        report = json.loads((tmp_path / name / "report.json").read_text())
        found.append(report["spectrum"]["eigenvalues"])
    assert (tmp_path / "two" / "ranks").exists()
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_lost_process_is_no_failure_of_the_job(tmp_path: Path, child: ChildProcess) -> None:
    """The supervisor gives the job back, to be taken anew."""
    tell(child, minimum(tmp_path / "a", width=8), tmp_path / "job", ["cpu", "cpu"])
    until = time.monotonic() + 120
    while not (followers := following(child)) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(followers[0], signal.SIGKILL)
    event = last_event(child)
    assert event["event"] == "rank_lost"
    assert "process of this analysis" in event["sentence"]


def following(child: ChildProcess) -> list[int]:
    return [
        each
        for each in descendants(child.session)
        if b"workers.sharing.follower" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


def test_devices_are_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device.choose_several("cuda:1,cuda:3") == ["cuda:1", "cuda:3"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,3"
    for wrong in ("cpu,cuda:0", "cuda,cuda", "tpu,tpu"):
        with pytest.raises(ProblemError, match="no devices of one kind"):
            device.choose_several(wrong)
    assert others_for(["cpu", "cpu", "cpu"], "cpu") == ["cpu", "cpu"]
    assert others_for(["cuda:0", "cuda:1"], "cpu") == ()
