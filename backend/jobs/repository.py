"""Units of work: claimed under a lease, fenced by a token, ended, handed on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import and_, delete, func, not_, or_, select, true, update

from backend.jobs.job import (
    QUESTIONS,
    Claim,
    Ended,
    JobStatus,
    NewJob,
    Progress,
    Reaped,
    merged_stages,
    stale,
    waiting_stages,
    worker_lost,
)
from backend.jobs.rows import end, job_row, missing
from backend.jobs.shard_rows import release_own_shards, renew_own_shards
from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES, MAX_ATTEMPTS, State


class Jobs(Transactions):
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

    def claim(self, identifier: str, *, now: float, lease: float) -> Claim | None:
        """Takes a queued or abandoned job, or None where there is nothing to take.

        The guarded UPDATE decides between workers; whatever the row said before is not trusted.
        """
        free = or_(
            JobRow.state == "queued", and_(JobRow.state == "running", JobRow.lease_until < now)
        )
        token = uuid.uuid4().hex
        guarded = update(JobRow).where(
            JobRow.id == identifier, JobRow.cancel.is_(False), JobRow.attempt < MAX_ATTEMPTS, free
        )
        values = {
            "state": "running",
            "attempt": JobRow.attempt + 1,
            "token": token,
            "lease_until": now + lease,
            "started_at": func.coalesce(JobRow.started_at, now),
            "version": JobRow.version + 1,
        }
        with self.write() as session:
            if not cast(Any, session.execute(guarded.values(**values))).rowcount:
                return None
            row = session.get_one(JobRow, identifier)
            row.progress, row.message, row.stages = 0.0, "", waiting_stages(row.stages)
            # Arrays of a lost attempt are not shown beside the report of this one.
            row.arrays = list[Any]()
            return Claim(row.id, row.kind, token, row.attempt, row.document)

    def heartbeat(
        self, identifier: str, token: str, progress: Progress, *, now: float, lease: float
    ) -> bool:
        """Extends the lease; True where the job should be cancelled."""
        with self._fenced(identifier, token) as row:
            row.lease_until = now + lease
            if row.kind == "analysis":
                renew_own_shards(row, now=now, lease=lease)
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
        with self._fenced(identifier, token) as row:
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
    ) -> Ended:
        with self._fenced(identifier, token) as row:
            end(row, state, now=now, problem=problem, result=result)
            return Ended(
                kind=row.kind,
                state=state,
                code=str((problem or {}).get("code", "")),
                waited=max(0.0, (row.started_at or now) - row.created_at),
                stages={s["stage"]: s["seconds"] for s in row.stages if s["seconds"] is not None},
            )

    def release(self, identifier: str, token: str) -> QueueName:
        """A worker that is told to stop gives the job back without using up an attempt."""
        with self._fenced(identifier, token) as row:
            release_own_shards(row)
            row.state, row.token, row.sent_at = "queued", None, None
            row.attempt -= 1
            row.stages = waiting_stages(row.stages)
            return cast(QueueName, row.queue)

    def renew_leases(self, *, now: float, lease: float, every: bool) -> int:
        """Grants leases anew: `every` one after the clock was set, else those it cannot have
        granted (they end later than one granted now would); how many."""
        impossible = JobRow.lease_until > now + lease + 1.0
        granted = update(JobRow).where(JobRow.state == "running", true() if every else impossible)
        sent = update(JobRow).where(JobRow.state == "queued", JobRow.sent_at > now + 1.0)
        with self.write() as session:
            session.execute(sent.values(sent_at=now))
            changed = session.execute(granted.values(lease_until=now + lease))
            return int(cast(Any, changed).rowcount)

    def reap(self, *, now: float, lease: float) -> Reaped:
        """Ends or requeues jobs whose worker was lost; names unsent jobs."""
        changed: list[str] = []
        expired = select(JobRow).where(JobRow.state == "running", JobRow.lease_until < now)
        with self.write() as session:
            for row in session.scalars(expired.with_for_update(skip_locked=True)).all():
                changed.append(row.id)
                if row.cancel:
                    end(row, "cancelled", now=now)
                elif row.attempt >= MAX_ATTEMPTS:
                    end(row, "failed", now=now, problem=worker_lost(row.attempt))
                else:
                    row.state, row.token, row.sent_at = "queued", None, None
                    row.stages = waiting_stages(row.stages)
                    row.version += 1
            session.flush()
            # Younger ones are about to be sent by the request that wrote them.
            young = and_(JobRow.created_at >= now - min(lease, 2.0), JobRow.created_at <= now)
            unsent = or_(JobRow.attempt > 0, not_(young))
            query = select(JobRow.id, JobRow.queue).where(
                JobRow.state == "queued", JobRow.sent_at.is_(None), unsent
            )
            rows = session.execute(query).all()
            return Reaped([(str(r[0]), cast(QueueName, r[1])) for r in rows], changed)

    def forget(self, *, ended_before: float) -> int:
        """Deletes ended jobs nobody asks for any more; how many.

        Analyses stay; answers and shards have arrays: see `forget_questions`, `forget_shards`.
        """
        old = delete(JobRow).where(
            JobRow.kind.not_in(("analysis", "shard", *QUESTIONS)),
            JobRow.state.in_(FINAL_STATES),
            JobRow.finished_at < ended_before,
        )
        with self.write() as session:
            return int(cast(Any, session.execute(old)).rowcount)

    def overdue(self, queue: QueueName, *, sent_before: float) -> list[str]:
        """Queued jobs whose message was sent long ago: lost, where the queue is empty."""
        query = select(JobRow.id).where(
            JobRow.state == "queued", JobRow.queue == queue, JobRow.sent_at < sent_before
        )
        with self.read() as session:
            return list(session.scalars(query))

    def queue_figures(self, *, now: float) -> tuple[dict[tuple[str, str], int], float]:
        """Jobs by (kind, state), and the age of the oldest queued job in seconds."""
        counts = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
        # A shard waits for a worker that has nothing else to do: its age says nothing of the queue.
        oldest = select(func.min(JobRow.created_at)).where(
            JobRow.state == "queued", JobRow.kind != "shard"
        )
        with self.read() as session:
            figures = {(str(r[0]), str(r[1])): int(r[2]) for r in session.execute(counts)}
            since = session.scalar(oldest)
        return figures, max(0.0, now - since) if since else 0.0

    @contextmanager
    def _fenced(self, identifier: str, token: str) -> Iterator[JobRow]:
        """The row of a job still held under `token`; raises ProblemError `stale_token`."""
        guarded = update(JobRow).where(
            JobRow.id == identifier, JobRow.token == token, JobRow.state == "running"
        )
        with self.write() as session:
            changed = session.execute(guarded.values(version=JobRow.version + 1))
            if not cast(Any, changed).rowcount:
                raise stale(identifier)
            yield session.get_one(JobRow, identifier)
