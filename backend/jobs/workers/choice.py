"""Which job a worker takes: a message says that there is work, the rows say which comes first."""

from __future__ import annotations

from sqlalchemy import case, func, select

from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.schemas import MAX_ATTEMPTS


class Choice(Transactions):
    """Order among the jobs of a queue, the same on every broker."""

    def choose(self, identifier: str) -> str:
        """The job to claim for a worker that got the message of `identifier`.

        Of the queued jobs of the same queue: the highest priority, whole jobs before shards, then
        the owner with the fewest running, then the oldest. Shards are for workers that have nothing
        else to do, so they do not count as running. There are as many messages as queued jobs: each
        is taken; where none is queued it is `identifier` itself, which may be a lost worker's.
        """
        with self.read() as session:
            row = session.get(JobRow, identifier)
            if row is None:
                return identifier
            running = (
                select(JobRow.owner, func.count().label("count"))
                .where(JobRow.state == "running", JobRow.queue == row.queue, JobRow.kind != "shard")
                .group_by(JobRow.owner)
                .subquery()
            )
            query = (
                select(JobRow.id)
                .outerjoin(running, running.c.owner == JobRow.owner)
                .where(
                    JobRow.state == "queued",
                    JobRow.queue == row.queue,
                    JobRow.cancel.is_(False),
                    JobRow.attempt < MAX_ATTEMPTS,
                )
                .order_by(
                    JobRow.priority.desc(),
                    case((JobRow.kind == "shard", 1), else_=0),
                    func.coalesce(running.c.count, 0),
                    JobRow.created_at,
                    JobRow.id,
                )
            )
            return session.scalar(query.limit(1)) or identifier
