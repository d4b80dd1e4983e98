"""What nobody needs any more: analyses by age, uploads that none of them uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from backend.auth.principal import EVERYONE
from backend.jobs.rows import missing
from backend.storage.tables import AnalysisRow, JobRow, UploadOwnerRow, UploadRow
from backend.storage.transactions import Transactions
from minimascope.contract.schemas import FINAL_STATES, UploadKind

# Pinned, shared and shipped analyses stay whatever their age.
DISPOSABLE = (
    JobRow.id == AnalysisRow.id,
    JobRow.state.in_(FINAL_STATES),
    JobRow.owner != EVERYONE,
    AnalysisRow.pinned.is_(False),
    AnalysisRow.share.is_(None),
)


def uses(identifier: Any) -> ColumnElement[bool]:
    """Of analyses: whether they need these bytes."""
    return or_(
        AnalysisRow.checkpoint == identifier,
        AnalysisRow.train == identifier,
        AnalysisRow.test == identifier,
    )


class Retention(Transactions):
    """Every removal looks once more, in its own transaction, whether it may."""

    def pin(self, identifier: str, *, pinned: bool) -> None:
        with self.write() as session:
            row = session.get(AnalysisRow, identifier)
            if row is None:
                raise missing("analysis", identifier)
            row.pinned = pinned

    def disposable_analyses(self, *, ended_before: float) -> list[str]:
        """Neither pinned nor shared nor shipped, the longest ended first."""
        query = select(JobRow.id).where(*DISPOSABLE, JobRow.finished_at < ended_before)
        with self.read() as session:
            return list(session.scalars(query.order_by(JobRow.finished_at, JobRow.id)))

    def dispose_analysis(self, identifier: str, *, ended_before: float) -> bool:
        """False where somebody pinned, shared, retried or deleted it meanwhile."""
        query = select(AnalysisRow).where(
            *DISPOSABLE, JobRow.finished_at < ended_before, AnalysisRow.id == identifier
        )
        with self.write() as session:
            row = session.scalars(query.with_for_update()).one_or_none()
            if row is None:
                return False
            session.delete(row)
            session.flush()
            session.execute(delete(JobRow).where(JobRow.id == identifier))
            return True

    def uploads_used(self, identifiers: Sequence[str], *, now: float) -> None:
        """Somebody submits them: their age counts from now."""
        with self.write() as session:
            wanted = update(UploadRow).where(UploadRow.id.in_(identifiers))
            session.execute(wanted.values(used_at=now))

    def _unused(
        self, before: float, without: Sequence[str] = ()
    ) -> tuple[ColumnElement[bool], ...]:
        public = exists().where(
            UploadOwnerRow.kind == UploadRow.kind,
            UploadOwnerRow.id == UploadRow.id,
            UploadOwnerRow.owner == EVERYONE,
        )
        used = exists().where(uses(UploadRow.id), AnalysisRow.id.not_in(without))
        return (UploadRow.used_at < before, ~public, ~used)

    def unused_uploads(
        self, *, unused_since: float, without: Sequence[str] = ()
    ) -> list[tuple[UploadKind, str]]:
        """Uploads that no analysis, but for those, uses and nobody sent or submitted since."""
        query = select(UploadRow.kind, UploadRow.id).where(*self._unused(unused_since, without))
        with self.read() as session:
            rows = session.execute(query.order_by(UploadRow.used_at, UploadRow.id)).all()
            return [(cast(UploadKind, kind), str(identifier)) for kind, identifier in rows]

    def dispose_upload(
        self, kind: UploadKind, identifier: str, *, unused_since: float
    ) -> bool | None:
        """None where it is used again; else whether no other upload has its bytes."""
        query = select(UploadRow).where(
            *self._unused(unused_since), UploadRow.kind == kind, UploadRow.id == identifier
        )
        with self.write() as session:
            row = session.scalars(query.with_for_update()).one_or_none()
            return None if row is None else forget_upload(session, row)

    def analyses_using(self, identifier: str, *, owner: str | None) -> list[str]:
        """Analyses, of this owner if given, that need these bytes."""
        query = select(JobRow.id).join(AnalysisRow, AnalysisRow.id == JobRow.id)
        query = query.where(uses(identifier))
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        with self.read() as session:
            return list(session.scalars(query))


def forget_upload(session: Session, row: UploadRow) -> bool:
    """Removes an upload with its owners and inspections; True where no other has its bytes."""
    kind, identifier = row.kind, row.id
    session.delete(row)
    owned = delete(UploadOwnerRow).where(
        UploadOwnerRow.kind == kind, UploadOwnerRow.id == identifier
    )
    session.execute(owned)
    about = delete(JobRow).where(JobRow.subject == identifier, JobRow.kind != "analysis")
    session.execute(about)
    session.flush()
    return session.scalar(select(UploadRow.id).where(UploadRow.id == identifier).limit(1)) is None
