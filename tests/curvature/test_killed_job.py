"""A child killed in the middle of its eigenvalues: the next one goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.report import Report
from workers import resume

QUICK_SAVES = """
from workers.curvature import checkpoint
checkpoint.EVERY, checkpoint.SHARE = 0.0, 0
from workers.child import main
raise SystemExit(main())
"""


def job(folder: Path, state: Path) -> dict[str, Any]:
    """p = 5,615, n·K = 1,500, too many for the exact routes: Lanczos, some forty products."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(10, 80), nn.Tanh(), nn.Linear(80, 55), nn.Tanh())
    network.append(nn.Linear(55, 5))
    folder.mkdir()
    torch.save(network.state_dict(), folder / "checkpoint")
    inputs = np.random.default_rng(0).normal(size=(300, 10)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 5, 300)
    with (folder / "train").open("wb") as file:
        np.savez(file, X=inputs, y=labels)
    architecture = {"family": "mlp", "activation": "tanh"}
    return {
        "kind": "analysis",
        "job": "a" * 32,
        "files": {role: str(folder / role) for role in ("checkpoint", "train")},
        "names": {},
        "parameters": {"stages": ["spectrum"], "architecture": architecture, "top_k": 3},
        "workdir": str(folder),
        "state": str(state),
    }


def child(document: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", QUICK_SAVES], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(json.dumps(document).encode() + b"\n")
    process.stdin.flush()
    return process


def until(process: subprocess.Popen[bytes], wanted: str) -> list[dict[str, Any]]:
    """Events up to the one whose line holds these words."""
    assert process.stdout
    events: list[dict[str, Any]] = []
    for line in process.stdout:
        events.append(json.loads(line))
        if wanted in line.decode():
            return events
    raise AssertionError(f"{wanted!r} was never said: {events[-1:]}")


def test_a_killed_child_is_followed_by_one_that_does_not_repeat_its_products(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state.npz"
    document = job(tmp_path / "job", state)
    first = child(document)
    until(first, "; 1 of 4 pairs")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert first.stdin
    assert first.stdout
    first.stdin.close()
    first.stdout.close()
    with np.load(state, allow_pickle=False) as kept:
        before = int(kept["products"])
    assert before >= 8  # no pair has settled to 1e-6 earlier
    second = child(document)
    events = until(second, '"end"')
    assert second.stdin
    assert second.stdout
    second.stdin.close()
    second.stdout.close()
    second.wait(30)
    report = Report.model_validate_json((tmp_path / "job" / "report.json").read_text())
    assert report.spectrum is not None
    assert all(report.spectrum.converged)
    plan = report.spectrum.plan
    assert plan is not None
    counts = [
        int(str(event["message"]).split()[0])
        for event in events
        if event["event"] == "progress" and "products done of about" in str(event["message"])
    ]
    assert counts[0] == before + 1  # the next product, and none of the earlier ones again
    assert plan.actual_products is not None
    assert plan.actual_products >= max(counts)
    assert not state.exists()
    assert [event["name"] for event in events if event["event"] == "array"].count("eigenvalues") > 1


def test_states_live_in_a_private_folder_and_go_with_their_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = resume.state_path("ab12")
    assert path is not None
    assert path.parent.stat().st_mode & 0o077 == 0
    path.write_bytes(b"state")
    old = resume.state_path("cd34")
    assert old is not None
    old.write_bytes(b"old")
    long_ago = time.time() - resume.KEPT_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    resume.forget_old()
    assert path.exists()
    assert not old.exists()
    resume.forget("ab12")
    assert not path.exists()
    assert resume.state_path("../ab12") is None


def test_a_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = resume.folder()
    assert folder is not None
    folder.chmod(0o777)
    assert resume.folder() is None
    assert resume.state_path("ab12") is None
