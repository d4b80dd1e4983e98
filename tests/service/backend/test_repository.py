"""The repository on a SQLite file and on a PostgreSQL server: claims, leases, fences, lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backend.jobs.job import NewJob, Progress
from backend.jobs.leases.clock import WallClock
from backend.storage.database import open_database
from backend.storage.tables import Table
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest, Inspection, Upload
from tests.cases.repositories import Repositories

IDLE = Progress(0.0, "", {})


@pytest.fixture
def repository(database: str) -> Iterator[Repositories]:
    made = Repositories(open_database(database))
    yield made
    made.close()


def submitted(repository: Repositories, *, name: str = "a", now: float = 0.0) -> str:
    job = NewJob("analysis", "s", {"files": {}}, stages=("spectrum", "gap"))
    request = AnalysisRequest(name=name, checkpoint="c" * 64, train="t" * 64)
    repository.analyses.add_analysis(request, job, now=now)
    return job.id


def test_the_migrations_make_exactly_the_declared_tables(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_database(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Table.metadata) == []
    engine.dispose()


def test_of_many_racing_workers_exactly_one_claims(repository: Repositories) -> None:
    job = submitted(repository)
    claims: list[str] = []
    gate = threading.Barrier(8)

    def race() -> None:
        gate.wait()
        claim = repository.jobs.claim(job, now=1.0, lease=5.0)
        if claim:
            claims.append(claim.token)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 1


def test_a_lost_lease_is_claimed_anew_and_fences_the_first_worker(repository: Repositories) -> None:
    job = submitted(repository)
    first = repository.jobs.claim(job, now=0.0, lease=5.0)
    assert first
    assert repository.jobs.claim(job, now=4.9, lease=5.0) is None
    second = repository.jobs.claim(job, now=5.1, lease=5.0)
    assert second
    assert second.attempt == 2
    with pytest.raises(ProblemError) as refused:
        repository.jobs.heartbeat(job, first.token, IDLE, now=5.2, lease=5.0)
    assert (refused.value.code, refused.value.status) == ("stale_token", 409)
    with pytest.raises(ProblemError):
        repository.jobs.finish(job, first.token, "done", now=5.2)
    with pytest.raises(ProblemError), repository.jobs.fenced_write(job, first.token, "points"):
        pytest.fail("a stale worker wrote")
    repository.jobs.finish(job, second.token, "done", now=6.0)
    assert repository.analyses.analysis(job).state == "done"


def test_a_late_heartbeat_keeps_a_lease_nobody_took(repository: Repositories) -> None:
    job = submitted(repository)
    claim = repository.jobs.claim(job, now=0.0, lease=5.0)
    assert claim
    repository.jobs.heartbeat(job, claim.token, IDLE, now=60.0, lease=5.0)
    assert repository.jobs.claim(job, now=64.0, lease=5.0) is None


def test_three_lost_workers_are_a_failure_with_its_sentence(repository: Repositories) -> None:
    job = submitted(repository)
    for attempt in range(3):
        now = 100.0 * attempt
        assert repository.jobs.claim(job, now=now, lease=5.0)
        reaped = repository.leases.reap(now=now + 6.0, lease=5.0)
        assert reaped.changed == [job]
        assert [j for j, _ in reaped.send] == ([job] if attempt < 2 else [])
    analysis = repository.analyses.analysis(job)
    assert analysis.state == "failed"
    assert analysis.problem is not None
    assert analysis.problem["code"] == "worker_lost"
    assert "3 times" in analysis.problem["sentence"]
    assert repository.jobs.claim(job, now=1000.0, lease=5.0) is None


def test_a_clock_that_was_set_ends_no_lease_and_keeps_none(repository: Repositories) -> None:
    job = submitted(repository)
    claim = repository.jobs.claim(job, now=1000.0, lease=5.0)
    assert claim
    # An hour ahead: every lease is granted anew before the reaper looks.
    assert repository.leases.renew_leases(now=4600.0, lease=5.0, every=True) == 1
    assert repository.leases.reap(now=4600.0, lease=5.0).changed == []
    # Back again, the worker lost meanwhile: no lease is longer than one granted now.
    assert repository.leases.renew_leases(now=1000.0, lease=5.0, every=False) == 1
    assert repository.leases.renew_leases(now=1000.0, lease=5.0, every=False) == 0
    assert repository.leases.reap(now=1006.0, lease=5.0).changed == [job]


def test_a_jump_of_the_wall_clock_is_noticed_once() -> None:
    wall, steady = [1000.0], [50.0]
    clock = WallClock(lambda: wall[0], lambda: steady[0])
    wall[0], steady[0] = 1030.0, 80.0
    assert clock.look() == (1030.0, False)
    wall[0] -= 3600.0
    assert clock.look() == (-2570.0, True)
    assert clock.look() == (-2570.0, False)


def test_arrays_of_a_lost_attempt_are_not_shown_beside_the_next_report(
    repository: Repositories,
) -> None:
    job = submitted(repository)
    first = repository.jobs.claim(job, now=0.0, lease=5.0)
    assert first
    with repository.jobs.fenced_write(job, first.token, "points"):
        pass
    assert repository.analyses.analysis(job).arrays == ["points"]
    assert repository.jobs.claim(job, now=6.0, lease=5.0)
    assert repository.analyses.analysis(job).arrays == []


def test_a_released_job_costs_no_attempt(repository: Repositories) -> None:
    job = submitted(repository)
    for _ in range(5):
        claim = repository.jobs.claim(job, now=0.0, lease=5.0)
        assert claim
        assert claim.attempt == 1
        repository.jobs.release(job, claim.token)


def test_cancel_ends_a_queued_job_and_tells_a_running_one(repository: Repositories) -> None:
    queued, running = submitted(repository), submitted(repository)
    claim = repository.jobs.claim(running, now=0.0, lease=5.0)
    assert claim
    for job in (queued, running):
        repository.analyses.cancel(job, now=1.0)
    assert repository.analyses.analysis(queued).state == "cancelled"
    assert repository.jobs.claim(queued, now=2.0, lease=5.0) is None
    assert repository.jobs.heartbeat(running, claim.token, IDLE, now=1.0, lease=5.0) is True
    assert repository.leases.reap(now=50.0, lease=5.0).changed == [running]
    assert repository.analyses.analysis(running).state == "cancelled"


def test_retry_starts_from_nothing(repository: Repositories) -> None:
    job = submitted(repository)
    claim = repository.jobs.claim(job, now=0.0, lease=5.0)
    assert claim
    with repository.jobs.fenced_write(job, claim.token, "points"):
        pass
    repository.jobs.finish(
        job, claim.token, "failed", now=1.0, problem={"code": "x", "sentence": "y"}
    )
    repository.analyses.retry(job)
    analysis = repository.analyses.analysis(job)
    assert (analysis.state, analysis.attempt, analysis.arrays) == ("queued", 0, [])
    assert [stage.state for stage in analysis.stages] == ["waiting", "waiting"]
    assert repository.jobs.claim(job, now=2.0, lease=5.0)


def test_stage_states_merge_and_close(repository: Repositories) -> None:
    job = submitted(repository)
    claim = repository.jobs.claim(job, now=0.0, lease=5.0)
    assert claim
    stages = {"spectrum": {"state": "done", "seconds": 2.0}, "gap": {"state": "running"}}
    repository.jobs.heartbeat(job, claim.token, Progress(0.5, "m", stages), now=1.0, lease=5.0)
    repository.jobs.finish(
        job, claim.token, "failed", now=1.0, problem={"code": "x", "sentence": "y"}
    )
    analysis = repository.analyses.analysis(job)
    assert [(s.stage, s.state, s.seconds) for s in analysis.stages] == [
        ("spectrum", "done", 2.0),
        ("gap", "failed", None),
    ]
    assert analysis.progress == 0.5


def test_pages_by_keyset_cover_every_analysis_once(repository: Repositories) -> None:
    made = [submitted(repository, name=f"run {i}", now=float(i // 3)) for i in range(10)]
    seen: list[str] = []
    cursor = None
    while True:
        items, cursor = repository.analyses.analyses(limit=3, cursor=cursor)
        seen += [item.id for item in items]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    times = [repository.analyses.analysis(i).created_at for i in seen]
    assert times == sorted(times, reverse=True)


def test_filters_take_text_literally(repository: Repositories) -> None:
    wanted = submitted(repository, name="100% Normal")
    submitted(repository, name="100 normal")
    found, _ = repository.analyses.analyses(limit=10, cursor=None, q="100% n")
    assert [item.id for item in found] == [wanted]
    assert repository.analyses.analyses(limit=10, cursor=None, state="done")[0] == []


def test_an_inspection_is_recorded_with_its_upload(repository: Repositories) -> None:
    pending = Upload.model_validate(
        {
            "id": "d" * 64,
            "kind": "dataset",
            "name": "x.npz",
            "size": 3,
            "created_at": 0,
            "inspection": Inspection(state="pending"),
        }
    )
    job = NewJob("inspect_dataset", pending.id, {})
    assert repository.uploads.add_upload(pending, job, now=0.0) == job.id
    again = NewJob("inspect_dataset", pending.id, {})
    assert repository.uploads.add_upload(pending, again, now=1.0) == job.id
    claim = repository.jobs.claim(job.id, now=0.0, lease=5.0)
    assert claim
    result = {"format": "npz", "summary": {"n": 3}, "warnings": ["w"]}
    repository.jobs.finish(job.id, claim.token, "done", now=1.0, result=result)
    inspection = repository.uploads.upload("dataset", pending.id).inspection
    assert (inspection.state, inspection.format, inspection.summary) == ("ok", "npz", {"n": 3})
    assert repository.operations.stored_bytes() == 3


def test_an_upload_in_use_is_not_deleted(repository: Repositories) -> None:
    upload = Upload.model_validate(
        {
            "id": "c" * 64,
            "kind": "checkpoint",
            "name": "x",
            "size": 3,
            "created_at": 0,
            "inspection": Inspection(state="ok"),
        }
    )
    repository.uploads.add_upload(upload, None, now=0.0)
    job = submitted(repository)
    with pytest.raises(ProblemError, match="uses this checkpoint"):
        repository.uploads.delete_upload("checkpoint", upload.id)
    repository.analyses.cancel(job, now=1.0)
    repository.analyses.delete_analysis(job)
    assert repository.uploads.delete_upload("checkpoint", upload.id) is True
    with pytest.raises(ProblemError):
        repository.uploads.upload("checkpoint", upload.id)


def test_old_checks_are_forgotten_and_analyses_are_not(repository: Repositories) -> None:
    analysis, check = submitted(repository), NewJob("check", "s", {})
    repository.jobs.add_job(check, now=0.0)
    for job in (analysis, check.id):
        claim = repository.jobs.claim(job, now=0.0, lease=5.0)
        assert claim
        repository.jobs.finish(job, claim.token, "done", now=1.0)
    assert repository.leases.forget(ended_before=1.0) == 0
    assert repository.leases.forget(ended_before=2.0) == 1
    assert repository.analyses.analysis(analysis).state == "done"
    with pytest.raises(ProblemError):
        repository.jobs.job(check.id)


def test_a_gpu_job_waits_in_the_gpus_queue() -> None:
    queues = [
        NewJob(kind, "s", {"parameters": {"device": device}}).queue
        for kind, device in (("analysis", "cuda"), ("analysis", "cpu"), ("check", "cuda"))
    ]
    assert queues == ["gpu", "analyses", "inspections"]
