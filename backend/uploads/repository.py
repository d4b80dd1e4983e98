"""Stored files and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.auth.principal import EVERYONE
from backend.http.cursors import Cursor
from backend.jobs.job import NewJob
from backend.jobs.repository import job_row
from backend.storage.tables import (
    AnalysisRow,
    JobRow,
    TransferRow,
    UploadOwnerRow,
    UploadRow,
    moment,
)
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.schemas import Inspection, Upload, UploadKind


@dataclass(frozen=True)
class Transfer:
    """`received` of `length` bytes are durable; `sha256` names the upload once it is whole."""

    id: str
    kind: UploadKind
    name: str
    length: int
    received: int
    sha256: str
    expires_at: float
    owner: str = ""


def _transfer(row: TransferRow) -> Transfer:
    kind = cast(UploadKind, row.kind)
    return Transfer(
        row.id, kind, row.name, row.length, row.received, row.sha256, row.expires_at, row.owner
    )


class UploadRepository(Transactions):
    """Checkpoints and data sets under their sha256, and uploads in pieces.

    Announced bytes count against the quota until they are stored or given up.
    """

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
                raise ProblemError("in_use", f"An analysis uses this {kind}.")
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

    def uploads_used(self, identifiers: Sequence[str], *, now: float) -> None:
        """Somebody submits them: their age counts from now."""
        with self.write() as session:
            wanted = update(UploadRow).where(UploadRow.id.in_(identifiers))
            session.execute(wanted.values(used_at=now))

    def analyses_using(self, identifier: str, *, owner: str | None) -> list[str]:
        """Analyses, of this owner if given, that need these bytes."""
        query = select(JobRow.id).join(AnalysisRow, AnalysisRow.id == JobRow.id)
        query = query.where(uses(identifier))
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        with self.read() as session:
            return list(session.scalars(query))

    def reserved_bytes(self) -> int:
        """Bytes of stored uploads and of announced ones."""
        with self.read() as session:
            return self._reserved(session)

    def _reserved(self, session: Session) -> int:
        stored = select(func.coalesce(func.sum(UploadRow.size), 0))
        coming = select(func.coalesce(func.sum(TransferRow.length), 0))
        unfinished = coming.where(TransferRow.sha256 == "")
        return int(session.scalar(stored) or 0) + int(session.scalar(unfinished) or 0)

    def add_transfer(self, transfer: Transfer, *, quota: int) -> None:
        """Raises ProblemError `storage_full` where the announced length has no room."""
        with self.write() as session:
            if self._reserved(session) + transfer.length > quota:
                raise ProblemError(
                    "storage_full", f"{transfer.length} bytes do not fit into the storage quota."
                )
            session.add(TransferRow(**vars(transfer)))

    def transfer(self, identifier: str, *, now: float) -> Transfer:
        """Raises ProblemError `no_such_transfer`, or `transfer_expired` (410)."""
        with self.read() as session:
            row = session.get(TransferRow, identifier)
            if row is None:
                raise missing("transfer", identifier)
            if row.expires_at < now:
                raise ProblemError("transfer_expired", "This upload has expired.")
            return _transfer(row)

    def transfer_received(self, identifier: str, received: int, *, sha256: str = "") -> None:
        values = {"received": received, "sha256": sha256}
        with self.write() as session:
            session.execute(
                update(TransferRow).where(TransferRow.id == identifier).values(**values)
            )

    def delete_transfer(self, identifier: str) -> None:
        with self.write() as session:
            session.execute(delete(TransferRow).where(TransferRow.id == identifier))

    def expired_transfers(self, *, now: float) -> list[str]:
        query = select(TransferRow.id).where(TransferRow.expires_at < now)
        with self.read() as session:
            return list(session.scalars(query))


def as_upload(row: UploadRow) -> Upload:
    return Upload(
        id=row.id,
        kind=cast(UploadKind, row.kind),
        name=row.name,
        size=row.size,
        created_at=moment(row.created_at),
        inspection=Inspection.model_validate(row.inspection),
    )


def uses(identifier: Any) -> ColumnElement[bool]:
    """Of analyses: whether they need these bytes."""
    return or_(
        AnalysisRow.checkpoint == identifier,
        AnalysisRow.train == identifier,
        AnalysisRow.test == identifier,
    )


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
