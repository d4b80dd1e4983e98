"""Units of work: claimed under a lease, fenced by a token, ended, handed on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backend.jobs.job import (
    Claim,
    Ended,
    JobStatus,
    NewJob,
    Progress,
    as_inspection,
    closed_stages,
    merged_stages,
    stale,
    waiting_stages,
    worker_lost,
)
from backend.storage.tables import JobRow, UploadRow
from backend.storage.transactions import Transactions, rows_changed
from minimascope.contract.code import Code, this_code
from minimascope.contract.job_kinds import JOB_KINDS, job_kind, kinds_with
from minimascope.contract.problems import missing
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES, Inspection, State, UploadKind
from minimascope.service.tracing import parent

# How many workers may be lost with a job of its kind.
ATTEMPTS = case({row.name: row.attempts for row in JOB_KINDS.values()}, value=JobRow.kind)


class JobRepository(Transactions):
    """Jobs of every kind; the guarded UPDATEs here make delivery exactly once."""

    def add_job(self, job: NewJob, *, now: float) -> None:
        with self.write() as session:
            session.add(job_row(job, now))

    def job(self, identifier: str) -> JobStatus:
        with self.read() as session:
            row = session.get(JobRow, identifier)
            if row is None:
                raise missing("job", identifier)
            state = cast(State, row.state)
            return JobStatus(row.id, state, row.version, row.problem, row.result)

    def has_job(self, identifier: str) -> bool:
        with self.read() as session:
            return session.get(JobRow, identifier) is not None

    def mark_sent(self, identifiers: Sequence[str], *, now: float) -> None:
        with self.write() as session:
            session.execute(update(JobRow).where(JobRow.id.in_(identifiers)).values(sent_at=now))

    def claim(
        self, identifier: str, *, now: float, lease: float, code: Code | None = None
    ) -> Claim | None:
        """Takes a queued or abandoned job, or None where there is nothing to take.

        The guarded UPDATE decides between workers; whatever the row said before is not trusted. A
        shard is for the release that its analysis is computed by.
        """
        code = code or this_code()
        free = or_(
            JobRow.state == "queued", and_(JobRow.state == "running", JobRow.lease_until < now)
        )
        token = uuid.uuid4().hex
        guarded = update(JobRow).where(
            JobRow.id == identifier,
            JobRow.cancel.is_(False),
            JobRow.attempt < ATTEMPTS,
            free,
            takes(code.release),
        )
        values = {
            "state": "running",
            "attempt": JobRow.attempt + 1,
            "token": token,
            "lease_until": now + lease,
            "started_at": func.coalesce(JobRow.started_at, now),
            "release": code.release,
            "build": code.build,
            "version": JobRow.version + 1,
        }
        with self.write() as session:
            if not rows_changed(session, guarded.values(**values)):
                return None
            # What another release found of it does not go into this one's numbers.
            parts = and_(JobRow.kind.in_(kinds_with("part")), JobRow.subject == identifier)
            session.execute(delete(JobRow).where(parts, JobRow.release != code.release))
            row = session.get_one(JobRow, identifier)
            row.progress, row.message, row.stages = 0.0, "", waiting_stages(row.stages)
            # Arrays of a lost attempt are not shown beside the report of this one.
            row.arrays = list[Any]()
            return Claim(row.id, row.kind, token, row.attempt, row.document)

    def heartbeat(
        self, identifier: str, token: str, progress: Progress, *, now: float, lease: float
    ) -> bool:
        """Extends the lease; True where the job should be cancelled."""
        with self.write() as session:
            row = fenced(session, identifier, token)
            row.lease_until = now + lease
            if row.kind == "analysis":
                renew_own_shards(session, row, now=now, lease=lease)
            row.progress, row.message = progress.progress, progress.message
            row.stages = merged_stages(row.stages, progress.stages)
            return row.cancel

    def check_token(self, identifier: str, token: str) -> None:
        with self.read() as session:
            row = session.get(JobRow, identifier)
            if row is None or row.state != "running" or row.token != token:
                raise stale(identifier)

    @contextmanager
    def fenced_write(self, identifier: str, token: str, array: str = "") -> Iterator[None]:
        """The caller's own write, inside the transaction that holds the job's row."""
        with self.write() as session:
            row = fenced(session, identifier, token)
            yield
            if array:
                row.arrays = sorted({*row.arrays, array})

    def finish(
        self,
        identifier: str,
        token: str,
        state: State,
        *,
        now: float,
        problem: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
        code: Code | None = None,
    ) -> Ended:
        """`code`: what a worker says that took it from a server which did not keep that yet."""
        with self.write() as session:
            row = fenced(session, identifier, token)
            if code and not row.release:
                row.release, row.build = code.release, code.build
            end(session, row, state, now=now, problem=problem, result=result)
            return Ended(
                kind=row.kind,
                state=state,
                code=str((problem or {}).get("code", "")),
                waited=max(0.0, (row.started_at or now) - row.created_at),
                stages={s["stage"]: s["seconds"] for s in row.stages if s["seconds"] is not None},
            )

    def release(self, identifier: str, token: str) -> QueueName:
        """A worker that is told to stop gives the job back without using up an attempt."""
        with self.write() as session:
            row = fenced(session, identifier, token)
            release_own_shards(session, row)
            row.attempt -= 1
            requeue(row)
            return cast(QueueName, row.queue)

    def give_up(self, identifier: str, token: str, *, now: float) -> QueueName | None:
        """Its process froze: this attempt counts; None where it was the last one, or cancelled."""
        with self.write() as session:
            row = fenced(session, identifier, token)
            free_own_shards(session, row)
            if lose(session, row, now=now):
                return cast(QueueName, row.queue)
            return None

    def forget_answers(
        self, *, analysis: str | None = None, ended_before: float | None = None
    ) -> list[str]:
        """Deletes the answers about an analysis, or all old ones; the ids, whose arrays may go."""
        chosen: list[ColumnElement[bool]] = [JobRow.kind.in_(kinds_with("question"))]
        if analysis is not None:
            chosen.append(JobRow.subject == analysis)
        if ended_before is not None:
            chosen += [JobRow.state.in_(FINAL_STATES), JobRow.finished_at < ended_before]
        with self.write() as session:
            found = [str(row) for row in session.scalars(select(JobRow.id).where(*chosen))]
            session.execute(delete(JobRow).where(JobRow.id.in_(found)))
            return found

    def forget_shards(self, analysis: str | None = None) -> list[str]:
        """Deletes the shards of an analysis that ended, or of all; the ids, whose files may go."""
        parent = aliased(JobRow)
        working = exists().where(parent.id == JobRow.subject, parent.state.not_in(FINAL_STATES))
        chosen = [JobRow.kind == "shard", ~working]
        if analysis is not None:
            chosen.append(JobRow.subject == analysis)
        with self.write() as session:
            found = [str(row) for row in session.scalars(select(JobRow.id).where(*chosen))]
            if found:
                session.execute(delete(JobRow).where(JobRow.id.in_(found)))
            return found


def takes(release: str) -> ColumnElement[bool]:
    """Of jobs: whether this release may take them."""
    return or_(JobRow.kind.not_in(kinds_with("part")), JobRow.release == release)


def job_row(job: NewJob, now: float) -> JobRow:
    return JobRow(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        subject=job.subject,
        document={**job.document, "trace": traced} if (traced := parent()) else job.document,
        state="queued",
        stages=waiting_stages([{"stage": stage} for stage in job.stages]),
        created_at=now,
        owner=job.owner,
        priority=job.priority,
        release=job.release,
    )


def end(
    session: Session,
    row: JobRow,
    state: State,
    *,
    now: float,
    problem: dict[str, Any] | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Writes the end of a job, and of the upload it inspected."""
    row.state, row.token, row.finished_at = state, None, now
    row.problem, row.result = problem, result
    row.progress = 1.0 if state == "done" else row.progress
    row.stages = closed_stages(row.stages, state)
    row.version += 1
    if inspected := job_kind(row.kind).inspects:
        _record_inspection(session, inspected, row)


def requeue(row: JobRow) -> None:
    row.state, row.token, row.sent_at = "queued", None, None
    row.stages = waiting_stages(row.stages)


def lose(session: Session, row: JobRow, *, now: float) -> bool:
    """After an attempt that came to nothing: True where there is another one."""
    if row.cancel:
        end(session, row, "cancelled", now=now)
    elif row.attempt >= job_kind(row.kind).attempts:
        end(session, row, "failed", now=now, problem=worker_lost(row.attempt))
    else:
        requeue(row)
        row.version += 1
    return row.state == "queued"


def _record_inspection(session: Session, kind: UploadKind, row: JobRow) -> None:
    inspection = Inspection(state="refused", problem=row.problem)
    if row.state == "done":
        inspection = as_inspection(row.result or {})
    waiting = update(UploadRow).where(
        UploadRow.kind == kind, UploadRow.id == row.subject, UploadRow.inspect_job == row.id
    )
    session.execute(waiting.values(inspection=inspection.model_dump(mode="json")))


def fenced(session: Session, identifier: str, token: str) -> JobRow:
    """The row of a job still held under `token`; raises ProblemError `stale_token`."""
    guarded = update(JobRow).where(
        JobRow.id == identifier, JobRow.token == token, JobRow.state == "running"
    )
    if not rows_changed(session, guarded.values(version=JobRow.version + 1)):
        raise stale(identifier)
    return session.get_one(JobRow, identifier)


def cancel_shards(session: Session, analysis: str) -> None:
    """Nobody takes them any more; who works on one hears of it at the next heartbeat."""
    mine = and_(JobRow.kind == "shard", JobRow.subject == analysis)
    session.execute(update(JobRow).where(mine).values(cancel=True))


def renew_own_shards(session: Session, parent: JobRow, *, now: float, lease: float) -> None:
    """The heartbeat of an analysis is that of the shards its own worker took."""
    session.execute(_own_shards(parent).values(lease_until=now + lease))


def free_own_shards(session: Session, parent: JobRow) -> None:
    """Back in the queue, the attempt being used up."""
    session.execute(_own_shards(parent).values({"state": "queued", "token": None}))


def release_own_shards(session: Session, parent: JobRow) -> None:
    """Back in the queue, without using up an attempt."""
    values = {"state": "queued", "token": None, "attempt": JobRow.attempt - 1}
    session.execute(_own_shards(parent).values(values))


def _own_shards(parent: JobRow) -> Any:
    return update(JobRow).where(
        JobRow.kind == "shard",
        JobRow.subject == parent.id,
        JobRow.state == "running",
        JobRow.token == parent.token,
    )
