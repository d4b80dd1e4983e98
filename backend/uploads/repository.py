"""Stored files and what is known of them."""

from __future__ import annotations

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from backend.auth.principal import EVERYONE
from backend.http.cursors import Cursor
from backend.jobs.job import NewJob
from backend.jobs.rows import as_upload, job_row, missing
from backend.retention.repository import forget_upload, uses
from backend.storage.tables import AnalysisRow, JobRow, UploadOwnerRow, UploadRow
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Upload, UploadKind


class Uploads(Transactions):
    """Checkpoints and data sets under their sha256."""

    def upload(self, kind: UploadKind, identifier: str) -> Upload:
        with self.read() as session:
            return as_upload(self._upload_row(session, kind, identifier))

    def uploads(
        self, kind: UploadKind, *, limit: int, cursor: Cursor | None, owner: str | None = None
    ) -> tuple[list[Upload], Cursor | None]:
        query = select(UploadRow).where(UploadRow.kind == kind)
        if owner is not None:
            own = select(UploadOwnerRow.id).where(
                UploadOwnerRow.kind == kind, UploadOwnerRow.owner.in_((owner, EVERYONE))
            )
            query = query.where(UploadRow.id.in_(own))
        if cursor:
            query = query.where(tuple_(UploadRow.created_at, UploadRow.id) < tuple_(*cursor))
        query = query.order_by(UploadRow.created_at.desc(), UploadRow.id.desc()).limit(limit + 1)
        with self.read() as session:
            rows = session.scalars(query).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return [as_upload(r) for r in rows[:limit]], (last.created_at, last.id) if last else None

    def stored_bytes(self) -> int:
        with self.read() as session:
            return int(session.scalar(select(func.coalesce(func.sum(UploadRow.size), 0))) or 0)

    def add_upload(self, upload: Upload, job: NewJob | None, *, now: float, owner: str = "") -> str:
        """The id of the job that inspects it, or "" where it is known to be good already.

        The same bytes again keep their row; a refused file is inspected again (the worker may
        have learnt its format since), and so is a shipped one, of which nobody has asked yet.
        """
        with self.write() as session:
            session.merge(UploadOwnerRow(kind=upload.kind, id=upload.id, owner=owner))
            row = session.get(UploadRow, (upload.kind, upload.id))
            if row:
                row.used_at = now
            if row and row.inspection["state"] == "ok" and (row.inspection["summary"] or not job):
                return ""
            if row and row.inspection["state"] == "pending":
                return row.inspect_job
            if row is None:
                row = UploadRow(id=upload.id, kind=upload.kind, created_at=now, used_at=now)
                session.add(row)
            row.name, row.size = upload.name, upload.size
            row.inspection = upload.inspection.model_dump(mode="json")
            row.inspect_job = job.id if job else ""
            if job:
                session.add(job_row(job, now))
            return row.inspect_job

    def delete_upload(self, kind: UploadKind, identifier: str, *, owner: str | None = None) -> bool:
        """True where no other upload has the same bytes; refused while an analysis uses it.

        Another owner of the same bytes keeps them; `None` deletes for everybody.
        """
        with self.write() as session:
            row = self._upload_row(session, kind, identifier)
            if self._used(session, identifier, owner):
                raise ProblemError(
                    "in_use",
                    f"An analysis uses this {kind}.",
                    "Delete its analyses first.",
                    status=409,
                )
            mine = delete(UploadOwnerRow).where(
                UploadOwnerRow.kind == kind, UploadOwnerRow.id == identifier
            )
            session.execute(mine if owner is None else mine.where(UploadOwnerRow.owner == owner))
            others = self._owned(session, kind, identifier) or self._used(session, identifier, None)
            if owner is not None and others:
                return False
            return forget_upload(session, row)

    def _owned(self, session: Session, kind: UploadKind, identifier: str) -> bool:
        query = select(func.count()).select_from(UploadOwnerRow)
        query = query.where(UploadOwnerRow.kind == kind, UploadOwnerRow.id == identifier)
        return bool(session.scalar(query))

    def _used(self, session: Session, identifier: str, owner: str | None) -> bool:
        """Whether an analysis, of this owner if given, needs these bytes."""
        query = (
            select(AnalysisRow.id).join(JobRow, JobRow.id == AnalysisRow.id).where(uses(identifier))
        )
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        return session.execute(query.limit(1)).first() is not None

    def _upload_row(self, session: Session, kind: UploadKind, identifier: str) -> UploadRow:
        row = session.get(UploadRow, (kind, identifier))
        if row is None:
            raise missing(kind, identifier)
        return row
