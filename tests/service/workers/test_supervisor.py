"""The supervisor with a real child and the real API application over a real socket."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from backend.jobs.job import NewJob
from minimascope.contract.schemas import AnalysisRequest
from tests.service.workers.conftest import SHA, Api
from workers.delivery import FullError
from workers.process.supervisor import Supervisor


def in_background(supervisor: Supervisor, job: str) -> threading.Thread:
    thread = threading.Thread(target=supervisor.run, args=(job,))
    thread.start()
    return thread


def until_progress(api: Api, job: str) -> None:
    while api.repository.analyses.analysis(job).progress == 0.0:
        time.sleep(0.02)


def gone(log: Path) -> bool:
    """The child's process has ended (the supervisor reaped it)."""
    return not Path(f"/proc/{log.read_text().split()[1]}").exists()


def test_a_good_child_is_a_done_job_with_stages_report_and_arrays(api: Api) -> None:
    job = api.job("sleep 0.2")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.arrays) == ("done", ["margins", "points"])
    assert [(s.stage, s.state) for s in analysis.stages] == [
        ("spectrum", "done"),
        ("gap", "skipped"),
    ]
    assert api.service.store.report(job).exists()


def test_cancel_ends_even_a_child_that_ignores_sigterm(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.job(f"stubborn sleep 60 log {log}")
    thread = in_background(api.supervisor(), job)
    until_progress(api, job)
    asked = time.monotonic()
    api.repository.analyses.cancel(job, now=time.time())
    thread.join(10)
    # Heard within 0.8 s, one second of grace, then SIGKILL.
    assert time.monotonic() - asked < 2.5
    assert api.repository.analyses.analysis(job).state == "cancelled"
    assert gone(log)


def test_a_lost_lease_ends_the_child_and_writes_nothing(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.job(f"sleep 60 log {log}")
    thread = in_background(api.supervisor(), job)
    until_progress(api, job)
    thief = api.repository.jobs.claim(job, now=time.time() + 60, lease=60)
    assert thief
    assert thief.attempt == 2
    thread.join(10)
    assert gone(log)
    assert "end" not in log.read_text().split()
    assert api.repository.analyses.analysis(job).state == "running"
    api.repository.jobs.finish(job, thief.token, "done", now=time.time())


def test_the_time_limit_fails_the_job_with_its_sentence(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.job(f"sleep 60 log {log}")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert analysis.problem["code"] == "time_limit"
    assert "3 seconds" in analysis.problem["sentence"]
    assert gone(log)


def test_a_stopping_worker_gives_its_job_back(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.job(f"sleep 60 log {log}")
    supervisor = api.supervisor()
    thread = in_background(supervisor, job)
    until_progress(api, job)
    supervisor.stopping.set()
    thread.join(10)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt) == ("queued", 0)
    assert gone(log)
    api.repository.analyses.cancel(job, now=time.time())


def test_out_of_memory_is_tried_again_with_half_the_batch(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job, supervisor = api.job(f"memory 0.25 sleep 0.1 log {log}"), api.supervisor()
    supervisor.run(job)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt) == ("done", 1)
    # With all of the memory, a half and a quarter; only the last ends.
    assert (log.read_text().split().count("start"), supervisor.out_of_memory) == (3, 2)


def test_an_urgent_job_goes_first_then_the_owner_with_fewest_running(api: Api) -> None:
    def queued(owner: str, priority: int = 0) -> str:
        document: dict[str, Any] = {"files": {}, "names": {}, "parameters": {}}
        job = NewJob("analysis", SHA, document, owner=owner, priority=priority)
        request = AnalysisRequest(checkpoint=SHA, train=SHA)
        api.repository.analyses.add_analysis(request, job, now=time.time())
        return job.id

    ann = [queued("ann") for _ in range(3)]
    bob, urgent, low = queued("bob"), queued("ann", 1), queued("cy", -1)
    taken = []
    for message in (*ann, bob, urgent, low):
        claimed = api.delivery.claim(message)
        assert claimed
        taken.append(claimed)
    # The urgent one is ann's, so bob's comes before ann's others, though it is younger.
    assert [job.id for job in taken] == [urgent, bob, *ann, low]
    assert api.delivery.claim(bob) is None
    for job in taken:
        api.delivery.finish(job, "cancelled")


def test_a_crash_is_a_failure_whose_last_words_are_only_in_the_log(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    job = api.job("crash")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert (analysis.state, analysis.problem["code"]) == ("failed", "crashed")
    assert "exit words" not in str(analysis.problem)
    assert "exit words" in caplog.text


def test_a_message_for_an_ended_job_does_nothing(api: Api) -> None:
    job = api.job("sleep 0.1")
    supervisor = api.supervisor()
    supervisor.run(job)
    before = api.repository.analyses.analysis_version(job)
    supervisor.run(job)
    supervisor.run("0" * 32)
    assert api.repository.analyses.analysis_version(job) == before


@pytest.mark.parametrize("text", ["nonsense", "unreadable"])
def test_a_child_that_breaks_the_protocol_is_a_failure_at_once(
    api: Api, tmp_path: Path, text: str
) -> None:
    log = tmp_path / "log"
    job = api.job(f"{text} log {log}")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert (analysis.state, analysis.problem["code"]) == ("failed", "bad_result")
    assert gone(log)


def test_a_job_whose_file_is_gone_is_a_failure(api: Api) -> None:
    job = api.job("sleep 0.1")
    api.service.store.delete_blob(SHA)
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert analysis.problem["code"] == "files_missing"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "sandbox_disk"),
        (RuntimeError("can't start new thread"), "crashed"),
        (FullError("507"), "storage_full"),
    ],
)
def test_whatever_stops_a_worker_ends_the_job_at_once_and_not_as_a_lost_lease(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("workers.process.supervisor.tempfile.TemporaryDirectory", failing)
    job = api.job("sleep 0.1")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert (analysis.state, analysis.attempt, analysis.problem["code"]) == ("failed", 1, code)


def test_a_stop_that_reaches_the_child_first_still_gives_the_job_back(
    api: Api, tmp_path: Path
) -> None:
    """As systemd stops a service: every process of it is told at once."""
    log = tmp_path / "log"
    job = api.job(f"sleep 60 log {log}")
    supervisor = api.supervisor()
    thread = in_background(supervisor, job)
    until_progress(api, job)
    os.kill(int(log.read_text().split()[1]), signal.SIGTERM)
    time.sleep(0.3)
    supervisor.stopping.set()
    thread.join(10)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt) == ("queued", 0)
    api.repository.analyses.cancel(job, now=time.time())


def test_a_frozen_child_costs_an_attempt_each_time_and_the_last_one_fails(api: Api) -> None:
    job, attempts = api.job("sleep 0.1"), []
    for _ in range(3):
        claimed = api.delivery.claim(job)
        assert claimed
        attempts.append(claimed.attempt)
        api.delivery.release(claimed, frozen=True)
    analysis = api.repository.analyses.analysis(job)
    assert analysis.problem
    assert attempts == [1, 2, 3]
    assert (analysis.state, analysis.problem["code"]) == ("failed", "worker_lost")


def test_a_lost_process_of_an_analysis_costs_an_attempt_and_the_job_is_taken_anew(api: Api) -> None:
    job = api.job("ranks")
    api.supervisor().run(job)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt) == ("queued", 1)
    api.repository.analyses.cancel(job, now=time.time())


def test_a_stop_in_the_middle_of_a_transfer_gives_the_job_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, supervisor = api.job("sleep 60"), api.supervisor()
    part = supervisor.delivery.on_part

    def stopped() -> None:
        supervisor.stopping.set()
        part()

    monkeypatch.setattr(supervisor.delivery, "on_part", stopped)
    supervisor.run(job)
    analysis = api.repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt) == ("queued", 0)
    api.repository.analyses.cancel(job, now=time.time())
