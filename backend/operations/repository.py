"""The audit log, and what metrics read of jobs and uploads."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends, Request
from sqlalchemy import delete, func, select

from backend.auth.principal import EVERYONE
from backend.storage.tables import AuditRow, JobRow, TransferRow, UploadRow, UserRow, moment
from backend.storage.transactions import Transactions
from minimascope.contract.job_kinds import kinds_with
from minimascope.contract.people import AuditEntry, Usage
from minimascope.contract.problems import missing

NOBODY = {"": "server", EVERYONE: "shipped with the product"}


def _jobs_in(state: str) -> Any:
    counted = select(JobRow.owner, func.count()).where(JobRow.state == state)
    return counted.where(JobRow.kind.not_in(kinds_with("part"))).group_by(JobRow.owner)


# What is asked for everybody at once, and the fields of `Usage` it fills.
_USAGE: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        select(UploadRow.owner, func.sum(UploadRow.size), func.count()).group_by(UploadRow.owner),
        ("stored_bytes", "uploads"),
    ),
    (
        select(TransferRow.owner, func.sum(TransferRow.received), func.count())
        .where(TransferRow.sha256 == "")
        .group_by(TransferRow.owner),
        ("arriving_bytes", "transfers"),
    ),
    (_jobs_in("queued"), ("queued",)),
    (_jobs_in("running"), ("running",)),
)


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

    def answers(self) -> None:
        """Raises what the database does, where it does not answer or is damaged."""
        with self.read() as session:
            session.execute(select(JobRow.id).limit(1)).first()

    def usage(self) -> list[Usage]:
        """What each person holds, the most bytes first; jobs of nobody in particular apart."""
        found: dict[str, Usage] = {}
        names = self.names()
        with self.read() as session:
            for query, fields in _USAGE:
                for row in cast(list[Any], session.execute(query).all()):
                    owner, values = str(row[0]), row[1:]
                    name = names.get(owner, NOBODY.get(owner, owner))
                    held = found.setdefault(owner, Usage(name=name))
                    for field, value in zip(fields, values, strict=True):
                        setattr(held, field, int(value or 0))
        return sorted(found.values(), key=lambda held: (-held.stored_bytes, held.name))

    def owner(self, name: str) -> str:
        """The id under which a user owns things; raises ProblemError `no_such_user`."""
        found = next((id_ for id_, known in self.names().items() if known == name), None)
        if found is None:
            raise missing("user", name)
        return found

    def names(self) -> dict[str, str]:
        """Of users by id."""
        with self.read() as session:
            return {str(r[0]): str(r[1]) for r in session.execute(select(UserRow.id, UserRow.name))}

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
