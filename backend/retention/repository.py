"""What nobody needs any more: analyses by age, uploads that none of them uses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select

from backend.auth.principal import EVERYONE
from backend.storage.tables import AnalysisRow, JobRow, UploadRow
from backend.storage.transactions import Transactions
from backend.uploads.repository import forget_upload, uses
from minimascope.contract.problems import missing
from minimascope.contract.schemas import FINAL_STATES, UploadKind


def _disposable() -> tuple[ColumnElement[bool], ...]:
    """Pinned, shared and shipped analyses stay whatever their age."""
    ended = and_(AnalysisRow.share_until.is_not(None), AnalysisRow.share_until < time.time())
    return (
        JobRow.id == AnalysisRow.id,
        JobRow.state.in_(FINAL_STATES),
        JobRow.owner != EVERYONE,
        AnalysisRow.pinned.is_(False),
        or_(AnalysisRow.share.is_(None), ended),
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
        query = select(JobRow.id).where(*_disposable(), JobRow.finished_at < ended_before)
        with self.read() as session:
            return list(session.scalars(query.order_by(JobRow.finished_at, JobRow.id)))

    def dispose_analysis(self, identifier: str, *, ended_before: float) -> bool:
        """False where somebody pinned, shared, retried or deleted it meanwhile."""
        query = select(AnalysisRow).where(
            *_disposable(), JobRow.finished_at < ended_before, AnalysisRow.id == identifier
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
        used = exists().where(
            uses(UploadRow.id),
            AnalysisRow.id.not_in(without),
            JobRow.id == AnalysisRow.id,
            JobRow.owner == UploadRow.owner,
        )
        return (UploadRow.used_at < before, UploadRow.owner != EVERYONE, ~used)

    def unused_uploads(
        self, *, unused_since: float, without: Sequence[str] = ()
    ) -> list[tuple[UploadKind, str, str]]:
        """Kind, id and owner of uploads that no analysis of theirs, but for those, uses and that
        they neither sent nor submitted since."""
        query = select(UploadRow.kind, UploadRow.id, UploadRow.owner).where(
            *self._unused(unused_since, without)
        )
        with self.read() as session:
            rows = session.execute(query.order_by(UploadRow.used_at, UploadRow.id)).all()
            return [(cast(UploadKind, row[0]), str(row[1]), str(row[2])) for row in rows]

    def dispose_upload(
        self, kind: UploadKind, identifier: str, owner: str, *, unused_since: float
    ) -> bool | None:
        """None where it is used again; else whether nobody has its bytes now."""
        one = (UploadRow.kind == kind, UploadRow.id == identifier, UploadRow.owner == owner)
        query = select(UploadRow).where(*self._unused(unused_since), *one)
        with self.write() as session:
            row = session.scalars(query.with_for_update()).one_or_none()
            return None if row is None else forget_upload(session, row)
