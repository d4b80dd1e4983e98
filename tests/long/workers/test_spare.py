"""The child that waits for a job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers.process.spare import Spare

ROOT = Path(__file__).parents[3]
ECHO = """
import json, os, sys
for line in sys.stdin:
    print(json.dumps({"event": "result", "pid": os.getpid(), **json.loads(line)}), flush=True)
"""


@pytest.fixture
def spare() -> Iterator[Spare]:
    made = Spare((sys.executable, "-c", ECHO))
    yield made
    made.close()


def told(spare: Spare, job: int) -> tuple[Any, dict[str, Any]]:
    child = spare.take()
    child.tell({"job": job})
    answer = child.events.get(timeout=30)
    assert answer
    return child, answer


def test_a_child_given_back_takes_the_next_job(spare: Spare) -> None:
    spare.prepare()
    child, first = told(spare, 1)
    spare.give_back(child)
    _, second = told(spare, 2)
    assert first["pid"] == second["pid"]
    assert (first["job"], second["job"]) == (1, 2)
    spare.end(child)


def test_a_child_that_died_waiting_is_replaced(spare: Spare) -> None:
    spare.prepare()
    child, first = told(spare, 1)
    spare.give_back(child)
    child._process.kill()
    child._process.wait()
    replacement, second = told(spare, 2)
    assert first["pid"] != second["pid"]
    spare.end(replacement)


def test_closing_ends_the_waiting_child_and_starts_no_other(spare: Spare) -> None:
    spare.prepare()
    child, answer = told(spare, 1)
    spare.give_back(child)
    spare.close()
    spare.prepare()
    assert not Path(f"/proc/{answer['pid']}").exists()


def test_the_real_child_takes_jobs_one_after_another_and_holds_no_device(tmp_path: Path) -> None:
    data = tmp_path / "train.npz"
    np.savez(data, X=np.zeros((4, 2), dtype=np.float32), y=np.array([0, 1, 0, 1]))
    real = Spare((sys.executable, "-m", "workers.process.child"))
    real.prepare()
    child = real.take()
    for _ in range(2):
        child.tell(
            {"kind": "inspect_dataset", "files": {"dataset": str(data)}, "workdir": str(tmp_path)}
        )
        events = [child.events.get(timeout=120) for _ in range(2)]
        assert [event["event"] for event in events if event] == ["result", "end"]
    opened = Path(f"/proc/{child._process.pid}/fd").iterdir()
    assert not any("nvidia" in str(link.resolve()) for link in opened)
    real.end(child)


def test_an_idle_child_dies_with_its_supervisor() -> None:
    command = [sys.executable, "-m", "workers.process.child"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
    assert child.stdin
    child.stdin.close()
    assert child.wait(60) == 9


def test_no_child_waits_while_nobody_is_there(spare: Spare) -> None:
    spare.prepare()
    assert spare._idle
    waiting = spare._idle._process
    spare.rest()
    assert waiting.poll() is not None
    spare.rest()  # nothing left to end
    child, first = told(spare, 1)  # whoever comes has one made
    assert first["job"] == 1
    spare.end(child)
