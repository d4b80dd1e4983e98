"""What a test starts ends with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.places import ROOT
from tests.servers.processes import RUNNING, Process, await_true
from tests.servers.serve import left

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
# A test run that starts a process, says which, and is then killed.
KILLED = """
import sys, time
from pathlib import Path
from tests.servers.processes import Process
process = Process("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"],
                  log=Path(sys.argv[1]))
print(process.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_test_run_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as run:
        assert run.stdout
        started = int(run.stdout.readline())
        assert left([started]) == [started]
        run.send_signal(signal.SIGKILL)
    await_true(lambda: gone(started), seconds=10, else_say=lambda: f"{started} still runs")


def gone(pid: int) -> bool:
    """Whether it is killed, reaped or not: its new parent may leave it a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_process_is_listed_with_its_log_until_it_is_stopped(tmp_path: Path) -> None:
    with Process("sleeper", SLEEPS, log=tmp_path / "log") as process:
        name = f"sleeper {process.pid}"
        await_true(process.log, seconds=10, else_say=lambda: "it says nothing")
        assert (RUNNING[name], process.log()) == (process, "up\n")
        assert os.getsid(process.pid) == process.pid
    assert name not in RUNNING
    assert process.returncode() == -signal.SIGTERM


def test_what_never_becomes_true_fails_in_words() -> None:
    with pytest.raises(AssertionError, match="it never came"):
        await_true(lambda: False, seconds=0.1, else_say=lambda: "it never came")
