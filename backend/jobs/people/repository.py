"""Jobs of one person: how many wait, and an end to all of them."""

from __future__ import annotations

from sqlalchemy import func, select

from backend.jobs.repository import cancel_shards, end
from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.job_kinds import kinds_with
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES


class PersonJobRepository(Transactions):
    """Counted before one more is taken; ended by an admin."""

    def waiting(self, owner: str, queue: QueueName) -> int:
        """Jobs of one person that no worker has taken yet."""
        query = select(func.count()).select_from(JobRow)
        query = query.where(JobRow.state == "queued", JobRow.queue == queue, JobRow.owner == owner)
        with self.read() as session:
            return int(session.scalar(query) or 0)

    def cancel_of(self, owner: str, *, now: float) -> list[str]:
        """Ends whatever one person has that waits or runs; the ids."""
        mine = select(JobRow).where(
            JobRow.owner == owner,
            JobRow.state.not_in(FINAL_STATES),
            JobRow.kind.not_in(kinds_with("part")),
        )
        with self.write() as session:
            rows = session.scalars(mine.with_for_update()).all()
            for row in rows:
                if row.state == "queued":
                    end(session, row, "cancelled", now=now)
                else:
                    row.cancel = True
                    row.version += 1
                    cancel_shards(session, row.id)
            return [row.id for row in rows]
