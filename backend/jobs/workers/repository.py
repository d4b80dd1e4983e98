"""Which workers live, and what they said of themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select

from backend.storage.tables import JobRow, WorkerRow
from backend.storage.transactions import Transactions

FORGET_SECONDS = 24 * 3600.0


class Workers(Transactions):
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
