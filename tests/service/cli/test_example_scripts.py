"""The examples for a shell, against a real server and a real analysis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.servers.processes import environment_of_tests
from tests.servers.serve import Served

EXAMPLES = Path(__file__).parents[3] / "examples"


def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(EXAMPLES / name), *arguments],
        env=environment_of_tests(PATH=path, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def test_curl_alone_gets_a_report(running: Served, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("sleep 0.1")
    (tmp_path / "train.npz").write_bytes(b"data")
    done = run("curl_only.sh", running.url, str(tmp_path / "model.pt"), str(tmp_path / "train.npz"))
    assert done.returncode == 0, done.stderr
    state, _, report = done.stdout.partition("{")
    assert state.startswith("event: state")
    assert json.loads("{" + report)["data"]["train"]["n"] == 4


def test_curl_is_told_why_not(running: Served, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x04\x95 a bare pickle")
    done = run("curl_only.sh", running.url, str(tmp_path / "none.pt"), str(tmp_path / "model.pt"))
    assert done.returncode != 0


def test_a_gate_stops_the_build(tmp_path: Path) -> None:
    done = run("ci_gate.sh", str(tmp_path), MOST="0.0001")
    assert done.returncode == 1, done.stderr
    assert "gap.headline.ninety[1] > 0.0001' is so" in done.stderr
    assert "The gate is open." not in done.stdout
    assert json.loads((tmp_path / "report.json").read_text())["gap"]["headline"]
