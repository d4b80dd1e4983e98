"""Which workers live, what they said of themselves, which job one takes next.

A message says that there is work; the rows say which comes first, the same on every broker.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import case, delete, func, select

from backend.jobs.repository import ATTEMPTS, takes
from backend.storage.tables import JobRow, WorkerRow
from backend.storage.transactions import Transactions
from minimascope.contract.code import this_code
from minimascope.contract.job_kinds import kinds_with

FORGET_SECONDS = 24 * 3600.0
# Who was served longer ago than this is first in any case.
SERVED_SECONDS = 3600.0
PARTS = kinds_with("part")


class WorkerRepository(Transactions):
    """Heartbeats of worker processes, apart from those of their jobs."""

    def worker_seen(self, identifier: str, report: dict[str, Any], *, now: float) -> None:
        with self.write() as session:
            session.merge(WorkerRow(id=identifier, report=report, seen_at=now))
            session.execute(delete(WorkerRow).where(WorkerRow.seen_at < now - FORGET_SECONDS))

    def worker_gone(self, identifier: str) -> None:
        with self.write() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.id == identifier))

    def workers(self, *, seen_since: float) -> list[dict[str, Any]]:
        """Reports with `id` and `seen_at`, newest first."""
        query = select(WorkerRow).where(WorkerRow.seen_at >= seen_since)
        with self.read() as session:
            rows = session.scalars(query.order_by(WorkerRow.seen_at.desc())).all()
            return [{"id": row.id, "seen_at": row.seen_at, **row.report} for row in rows]

    def overdue_count(self, queues: list[str], *, sent_before: float) -> int:
        """Jobs of these queues that nobody has taken since their message was sent."""
        query = select(func.count()).select_from(JobRow)
        query = query.where(
            JobRow.state == "queued", JobRow.queue.in_(queues), JobRow.sent_at < sent_before
        )
        with self.read() as session:
            return int(session.scalar(query) or 0)

    def choose(self, identifier: str, *, release: str = "") -> str:
        """The job to claim for a worker that got the message of `identifier`.

        Of the queued jobs of the same queue: the highest priority, whole jobs before shards, then
        the owner with the fewest running, then who was served the longest ago, then the oldest.
        Shards are for workers that have nothing else to do, so they do not count as running. There
        are as many messages as queued jobs: each is taken; where none is queued it is `identifier`
        itself, which may be a lost worker's.
        """
        with self.read() as session:
            row = session.get(JobRow, identifier)
            if row is None:
                return identifier
            running = (
                select(JobRow.owner, func.count().label("count"))
                .where(
                    JobRow.state == "running", JobRow.queue == row.queue, JobRow.kind.not_in(PARTS)
                )
                .group_by(JobRow.owner)
                .subquery()
            )
            served = (
                select(JobRow.owner, func.max(JobRow.started_at).label("at"))
                .where(
                    JobRow.queue == row.queue,
                    JobRow.started_at > time.time() - SERVED_SECONDS,
                    JobRow.kind.not_in(PARTS),
                )
                .group_by(JobRow.owner)
                .subquery()
            )
            query = (
                select(JobRow.id)
                .outerjoin(running, running.c.owner == JobRow.owner)
                .outerjoin(served, served.c.owner == JobRow.owner)
                .where(
                    JobRow.state == "queued",
                    JobRow.queue == row.queue,
                    JobRow.cancel.is_(False),
                    JobRow.attempt < ATTEMPTS,
                    takes(release or this_code().release),
                )
                .order_by(
                    JobRow.priority.desc(),
                    case((JobRow.kind.in_(PARTS), 1), else_=0),
                    func.coalesce(running.c.count, 0),
                    func.coalesce(served.c.at, 0.0),
                    JobRow.created_at,
                    JobRow.id,
                )
            )
            return session.scalar(query.limit(1)) or identifier
