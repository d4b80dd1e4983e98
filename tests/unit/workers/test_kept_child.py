"""A child that has worked off a small analysis takes the next one, and its numbers are the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.cases.analyses import save
from workers.delivery import ClaimedJob
from workers.process.child_process import ChildProcess
from workers.process.supervisor import KEPT_BYTES, _leaves_clean

COMMAND = (sys.executable, "-m", "workers.process.child")
ASKED = {"architecture": {"family": "mlp", "activation": "tanh"}, "weight_decay": 1e-3, "top_k": 3}
STAGES = ["spectrum", "density", "gap"]


def minimum(folder: Path, *, width: int) -> Path:
    folder.mkdir()
    torch.manual_seed(width)
    network = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
    save(folder, network, (torch.randn(60, 2), torch.arange(60) % 2))
    return folder


def analysed(child: ChildProcess, folder: Path, place: Path) -> dict[str, Any]:
    """The report's numbers, without what differs from run to run."""
    place.mkdir()
    files = {"checkpoint": str(folder / "model.pt"), "train": str(folder / "train.npz")}
    document = {"kind": "analysis", "files": files, "workdir": str(place), "memory_share": 1.0}
    child.tell({**document, "parameters": {**ASKED, "stages": STAGES}})
    while (event := child.events.get(timeout=240)) and event["event"] != "end":
        assert event["event"] != "problem", event
    assert event, child.stderr_tail()
    report = json.loads((place / "report.json").read_text())
    report.pop("wall_seconds")
    report.pop("planned_seconds")
    for stage in ("spectrum", "gap"):
        report[stage].pop("plan")  # timed
    return dict(report)


def claimed(**parameters: Any) -> ClaimedJob:
    return ClaimedJob(
        id="j" * 32,
        kind="analysis",
        token="t",
        attempt=1,
        lease_seconds=1.0,
        job_seconds=1.0,
        files={},
        names={},
        parameters=parameters,
    )


def test_a_second_small_analysis_has_the_numbers_of_a_new_child(tmp_path: Path) -> None:
    small, other = minimum(tmp_path / "a", width=8), minimum(tmp_path / "b", width=30)
    new, kept = ChildProcess(COMMAND), ChildProcess(COMMAND)
    try:
        expected = analysed(new, small, tmp_path / "1")
        analysed(kept, other, tmp_path / "2")
        assert _leaves_clean(claimed(), kept, 1.0), kept.resident_bytes()
        assert analysed(kept, small, tmp_path / "3") == expected
        assert _leaves_clean(claimed(), kept, 1.0), kept.resident_bytes()
    finally:
        new.end()
        kept.end()


def test_what_holds_memory_or_a_device_takes_no_other_job() -> None:
    large = f"import time; x = b'x' * {KEPT_BYTES}; print('{{}}', flush=True); time.sleep(60)"
    child = ChildProcess((sys.executable, "-c", large))
    small = ChildProcess((sys.executable, "-c", "import time; time.sleep(60)"))
    try:
        child.events.get(timeout=60)
        assert not _leaves_clean(claimed(), child, 1.0)
        assert _leaves_clean(claimed(), small, 1.0)
        assert not _leaves_clean(claimed(device="cuda"), small, 1.0)
        assert not _leaves_clean(claimed(), small, 0.5)
    finally:
        child.end()
        small.end()
