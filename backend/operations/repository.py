"""The audit log, and what metrics read of jobs and uploads."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import delete, func, select

from backend.storage.tables import AuditRow, JobRow, UploadRow, moment
from backend.storage.transactions import Transactions
from minimascope.contract.job_kinds import kinds_with
from minimascope.contract.schemas import AuditEntry


class OperationsRepository(Transactions):
    """What whoever runs the service asks."""

    def record(self, entry: AuditEntry) -> None:
        at = entry.at.timestamp()
        with self.write() as session:
            session.add(AuditRow(**{**entry.model_dump(), "at": at}))

    def audit(self, *, limit: int) -> list[AuditEntry]:
        """The newest entries first."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        names = [name for name in AuditEntry.model_fields if name != "at"]
        with self.read() as session:
            return [
                AuditEntry(at=moment(row.at), **{name: getattr(row, name) for name in names})
                for row in session.scalars(query)
            ]

    def forget_audit(self, *, before: float) -> None:
        with self.write() as session:
            session.execute(delete(AuditRow).where(AuditRow.at < before))

    def queue_figures(self, *, now: float) -> tuple[dict[tuple[str, str], int], float]:
        """Jobs by (kind, state), and the age of the oldest queued job in seconds."""
        counts = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
        # A shard waits for a worker that has nothing else to do: its age says nothing of the queue.
        oldest = select(func.min(JobRow.created_at)).where(
            JobRow.state == "queued", JobRow.kind.not_in(kinds_with("part"))
        )
        with self.read() as session:
            figures = {(str(r[0]), str(r[1])): int(r[2]) for r in session.execute(counts)}
            since = session.scalar(oldest)
        return figures, max(0.0, now - since) if since else 0.0

    def stored_bytes(self) -> int:
        with self.read() as session:
            return int(session.scalar(select(func.coalesce(func.sum(UploadRow.size), 0))) or 0)


async def _repository(request: Request) -> OperationsRepository:
    repository: OperationsRepository = request.app.state.operations
    return repository


Operations = Annotated[OperationsRepository, Depends(_repository)]
