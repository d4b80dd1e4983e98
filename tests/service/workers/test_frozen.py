"""What was stopped or waits for itself is noticed, ended, and its job goes on elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from minimascope.machine.processes import descendants, session_nanoseconds
from minimascope.service import watched
from minimascope.service.watched import Watched
from tests.servers.analyses import submitted, until
from tests.servers.places import CHILD
from tests.servers.processes import await_true
from tests.servers.serve import Served
from workers.process.child_process import ChildProcess
from workers.process.pulse import Pulse
from workers.process.stillness import Stillness

LEASE = 6.0


@pytest.fixture
def served(tmp_path: Path) -> Served:
    settings = {"DEMO_DIR": str(tmp_path / "none"), "LEASE_SECONDS": str(LEASE), "TOKEN": "t"}
    return Served(tmp_path / "data", settings, (f"--child={CHILD}",), quiet=False)


def child_of(worker: int, log: Path) -> int:
    await_true(log.exists, seconds=60, else_say=lambda: "the child did not start")
    pid = int(log.read_text().split()[-1])
    assert pid in descendants(worker)
    return pid


@pytest.mark.parametrize("who", ["worker", "child", "both"])
def test_a_frozen_process_is_replaced_and_its_job_done_by_another(
    served: Served, tmp_path: Path, who: str
) -> None:
    log = tmp_path / "runs"
    with served, served.client() as client:
        job = submitted(client, f"sleep 3 log {log}")
        until(client, job, "running", seconds=60)
        worker = served.worker("analyses")
        child = child_of(worker, log)
        for pid in {"worker": [worker], "child": [child], "both": [worker, child]}[who]:
            os.kill(pid, signal.SIGSTOP)
        done = until(client, job, seconds=120)
        assert (done.state, done.attempt) == ("done", 2)
        assert not Path(f"/proc/{child}").exists()
        assert (served.worker("analyses") == worker) is (who == "child")


def test_a_supervisor_that_marks_no_step_hangs_and_other_threads_do_not_speak_for_it() -> None:
    now = [0.0]
    pulse = Pulse(clock=lambda: now[0])
    assert not pulse.hangs()  # idle
    pulse.begin(lease=8.0)
    now[0] = 5.0
    assert not pulse.hangs()
    pulse.mark(within=30.0)  # a request to the API may take so long
    now[0] = 40.0
    assert not pulse.hangs()
    other = threading.Thread(target=pulse.mark)
    other.start()
    other.join()
    now[0] = 42.0
    assert pulse.hangs()
    pulse.mark()
    assert not pulse.hangs()
    pulse.end()
    now[0] = 1000.0
    assert not pulse.hangs()


def test_a_child_that_waits_for_itself_is_frozen_and_one_that_sleeps_in_turns_is_not() -> None:
    deadlock = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
    polling = "import time\nwhile True: time.sleep(0.05)"
    found = {}
    for name, text in (("deadlock", deadlock), ("polling", polling)):
        child = ChildProcess((sys.executable, "-c", text))
        await_true(
            lambda pid=child.session: (session_nanoseconds(pid) or 0) > 5e6,
            seconds=60,
            else_say=lambda: "not started",
        )
        still, deadline = Stillness(child.session, 1.0), time.monotonic() + 4.0
        frozen = False
        while time.monotonic() < deadline and not frozen:
            time.sleep(0.1)
            frozen = still.frozen()
        found[name] = frozen
        child.end()
    assert found == {"deadlock": True, "polling": False}


def test_what_keeps_ending_is_started_again_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(watched.time, "monotonic", lambda: clock[0])
    log = tmp_path / "log"
    program = Watched([sys.executable, "-c", "print('started')"], environment={}, log=log)
    program.start()
    for _ in range(300):
        if program._process:
            program._process.wait()
        program.look()
        clock[0] += 0.1
    program.stop(1.0)
    # 30 seconds: after 0.2, 0.6, 1.4, 3.0, 6.2, 10, 10 seconds.
    assert log.read_text().split().count("started") <= 8
