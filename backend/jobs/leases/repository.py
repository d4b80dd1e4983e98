"""Jobs whose worker or message was lost, and those nobody asks for any more."""

from __future__ import annotations

from typing import cast

from sqlalchemy import and_, delete, not_, or_, select, true, update

from backend.jobs.job import Reaped
from backend.jobs.repository import lose
from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions, rows_changed
from minimascope.contract.job_kinds import JOB_KINDS
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES


class LeaseRepository(Transactions):
    """What the reaper does, a transaction a step."""

    def renew_leases(self, *, now: float, lease: float, every: bool) -> int:
        """Grants leases anew: `every` one after the clock was set, else those it cannot have
        granted (they end later than one granted now would); how many."""
        impossible = JobRow.lease_until > now + lease + 1.0
        granted = update(JobRow).where(JobRow.state == "running", true() if every else impossible)
        sent = update(JobRow).where(JobRow.state == "queued", JobRow.sent_at > now + 1.0)
        with self.write() as session:
            session.execute(sent.values(sent_at=now))
            return rows_changed(session, granted.values(lease_until=now + lease))

    def reap(self, *, now: float, lease: float) -> Reaped:
        """Ends or requeues jobs whose worker was lost; names unsent jobs."""
        changed: list[str] = []
        expired = select(JobRow).where(JobRow.state == "running", JobRow.lease_until < now)
        with self.write() as session:
            for row in session.scalars(expired.with_for_update(skip_locked=True)).all():
                changed.append(row.id)
                lose(session, row, now=now)
            session.flush()
            # Younger ones are about to be sent by the request that wrote them.
            young = and_(JobRow.created_at >= now - min(lease, 2.0), JobRow.created_at <= now)
            unsent = or_(JobRow.attempt > 0, not_(young))
            query = select(JobRow.id, JobRow.queue).where(
                JobRow.state == "queued", JobRow.sent_at.is_(None), unsent
            )
            rows = session.execute(query).all()
            return Reaped([(str(r[0]), cast(QueueName, r[1])) for r in rows], changed)

    def overdue(self, queue: QueueName, *, sent_before: float) -> list[str]:
        """Queued jobs whose message was sent long ago: lost, where the queue is empty."""
        query = select(JobRow.id).where(
            JobRow.state == "queued", JobRow.queue == queue, JobRow.sent_at < sent_before
        )
        with self.read() as session:
            return list(session.scalars(query))

    def forget(self, *, ended_before: float) -> int:
        """Deletes ended jobs nobody asks for any more; how many.

        Analyses stay; answers and shards have arrays: see `forget_answers`, `forget_shards`.
        """
        without_files = [row.name for row in JOB_KINDS.values() if not row.leaves_files]
        old = delete(JobRow).where(
            JobRow.kind.in_(without_files),
            JobRow.state.in_(FINAL_STATES),
            JobRow.finished_at < ended_before,
        )
        with self.write() as session:
            return rows_changed(session, old)
