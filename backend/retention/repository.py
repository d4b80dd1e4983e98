"""What nobody needs any more: analyses by age, uploads that none of them uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import ColumnElement, delete, exists, select

from backend.auth.principal import EVERYONE
from backend.storage.tables import AnalysisRow, JobRow, UploadOwnerRow, UploadRow
from backend.storage.transactions import Transactions
from backend.uploads.repository import forget_upload, uses
from minimascope.contract.problems import missing
from minimascope.contract.schemas import FINAL_STATES, UploadKind

# Pinned, shared and shipped analyses stay whatever their age.
DISPOSABLE = (
    JobRow.id == AnalysisRow.id,
    JobRow.state.in_(FINAL_STATES),
    JobRow.owner != EVERYONE,
    AnalysisRow.pinned.is_(False),
    AnalysisRow.share.is_(None),
)


class RetentionRepository(Transactions):
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
