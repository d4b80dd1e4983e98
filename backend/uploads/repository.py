"""Stored files and what is known of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from backend.auth.principal import EVERYONE
from backend.http.cursors import Cursor
from backend.jobs.job import NewJob
from backend.jobs.repository import job_row
from backend.storage.tables import AnalysisRow, JobRow, UploadRow, moment
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.schemas import Inspection, Upload, UploadKind

MOST_LISTED = 2000  # characters of one value in a list


class UploadRepository(Transactions):
    """Checkpoints and data sets under their sha256, a row a person; uploads in pieces are apart.

    `owner` None is whoever sees everything: of rows of the same bytes they see one.
    """

    def upload(self, kind: UploadKind, identifier: str, *, owner: str | None = None) -> Upload:
        """What this person has, or what ships with the product."""
        with self.read() as session:
            return as_upload(_seen(session, kind, identifier, owner))

    def uploads(
        self, kind: UploadKind, *, limit: int, cursor: Cursor | None, owner: str | None = None
    ) -> tuple[list[Upload], Cursor | None]:
        other = aliased(UploadRow)
        same = (other.kind == UploadRow.kind, other.id == UploadRow.id)
        query = select(UploadRow).where(UploadRow.kind == kind)
        if owner is None:
            query = query.where(~exists().where(*same, other.owner < UploadRow.owner))
        else:
            own = exists().where(*same, other.owner == owner)
            shipped = and_(UploadRow.owner == EVERYONE, ~own)
            query = query.where(or_(UploadRow.owner == owner, shipped))
        if cursor:
            query = query.where(tuple_(UploadRow.created_at, UploadRow.id) < tuple_(*cursor))
        query = query.order_by(UploadRow.created_at.desc(), UploadRow.id.desc()).limit(limit + 1)
        with self.read() as session:
            rows = session.scalars(query).all()
        last = rows[limit - 1] if len(rows) > limit else None
        found = [_brief(as_upload(row)) for row in rows[:limit]]
        return found, (last.created_at, last.id) if last else None

    def add_upload(self, upload: Upload, job: NewJob | None, *, now: float, owner: str = "") -> str:
        """The id of the job that inspects it, or "" where this person's is known to be good.

        The same bytes of the same person keep their row; a refused file is inspected again (the
        worker may have learnt its format since). Another's row of these bytes is not looked at.
        """
        with self.write() as session:
            row = session.get(UploadRow, (upload.kind, upload.id, owner))
            if row:
                row.used_at = now
            if row and row.inspection["state"] == "ok":
                return ""
            if row and row.inspection["state"] == "pending":
                return row.inspect_job
            if row is None:
                row = UploadRow(id=upload.id, kind=upload.kind, owner=owner, created_at=now)
                row.used_at = now
                session.add(row)
            row.name, row.size = upload.name, upload.size
            row.inspection = upload.inspection.model_dump(mode="json")
            row.inspect_job = job.id if job else ""
            if job:
                session.add(job_row(job, now))
            return row.inspect_job

    def delete_upload(self, kind: UploadKind, identifier: str, *, owner: str | None = None) -> bool:
        """True where nobody has these bytes any more; refused while an analysis uses them.

        Another person of the same bytes keeps them; `None` deletes for everybody.
        """
        with self.write() as session:
            _seen(session, kind, identifier, owner)
            if _used(session, identifier, owner):
                raise ProblemError("in_use", f"An analysis uses this {kind}.")
            rows = select(UploadRow).where(UploadRow.kind == kind, UploadRow.id == identifier)
            if owner is not None:
                rows = rows.where(UploadRow.owner == owner)
            gone = [forget_upload(session, row) for row in session.scalars(rows).all()]
            return gone[-1] if gone else False

    def uploads_used(self, identifiers: Sequence[str], *, owner: str, now: float) -> None:
        """Somebody submits them: their age counts from now, and what is not theirs (an admin sees
        all) is theirs too from here on."""
        with self.write() as session:
            wanted = update(UploadRow).where(UploadRow.id.in_(identifiers))
            session.execute(wanted.where(UploadRow.owner == owner).values(used_at=now))
            known = select(UploadRow).where(UploadRow.id.in_(identifiers))
            rows = session.scalars(known.order_by(UploadRow.owner)).all()
            has = {(row.kind, row.id) for row in rows if row.owner in (owner, EVERYONE)}
            for row in rows:
                if (row.kind, row.id) not in has:
                    session.add(_copied(row, owner, now))
                    has.add((row.kind, row.id))

    def analyses_using(self, identifier: str, *, owner: str | None) -> list[str]:
        """Analyses, of this owner if given, that need these bytes."""
        query = select(JobRow.id).join(AnalysisRow, AnalysisRow.id == JobRow.id)
        query = query.where(uses(identifier))
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        with self.read() as session:
            return list(session.scalars(query))


def _seen(session: Session, kind: UploadKind, identifier: str, owner: str | None) -> UploadRow:
    query = select(UploadRow).where(UploadRow.kind == kind, UploadRow.id == identifier)
    if owner is not None:
        query = query.where(UploadRow.owner.in_((owner, EVERYONE)))
        query = query.order_by(UploadRow.owner == EVERYONE)  # one's own first
    row = session.scalars(query.order_by(UploadRow.owner).limit(1)).one_or_none()
    if row is None:
        raise missing(kind, identifier)
    return row


def _copied(row: UploadRow, owner: str, now: float) -> UploadRow:
    return UploadRow(
        kind=row.kind,
        id=row.id,
        owner=owner,
        name=row.name,
        size=row.size,
        created_at=now,
        inspection=row.inspection,
        inspect_job=row.inspect_job,
        used_at=now,
    )


def _used(session: Session, identifier: str, owner: str | None) -> bool:
    """Whether an analysis, of this owner if given, needs these bytes."""
    query = select(AnalysisRow.id).join(JobRow, JobRow.id == AnalysisRow.id)
    query = query.where(uses(identifier))
    if owner is not None:
        query = query.where(JobRow.owner == owner)
    return session.execute(query.limit(1)).first() is not None


def as_upload(row: UploadRow) -> Upload:
    return Upload(
        id=row.id,
        kind=cast(UploadKind, row.kind),
        name=row.name,
        size=row.size,
        created_at=moment(row.created_at),
        inspection=Inspection.model_validate(row.inspection),
    )


def _brief(upload: Upload) -> Upload:
    """For a list: what a file says of itself may be long, and is asked for one by one."""
    summary = {
        name: value
        for name, value in upload.inspection.summary.items()
        if len(json.dumps(value)) <= MOST_LISTED
    }
    short = upload.inspection.model_copy(update={"summary": summary})
    return upload.model_copy(update={"inspection": short})


def uses(identifier: Any) -> ColumnElement[bool]:
    """Of analyses: whether they need these bytes."""
    return or_(
        AnalysisRow.checkpoint == identifier,
        AnalysisRow.train == identifier,
        AnalysisRow.test == identifier,
        AnalysisRow.optimizer_state == identifier,
    )


def forget_upload(session: Session, row: UploadRow) -> bool:
    """Removes one person's upload with its inspections; True where nobody has its bytes now."""
    identifier, owner = row.id, row.owner
    session.delete(row)
    about = delete(JobRow).where(
        JobRow.subject == identifier, JobRow.kind != "analysis", JobRow.owner == owner
    )
    session.execute(about)
    session.flush()
    kept = session.scalar(select(UploadRow.id).where(UploadRow.id == identifier).limit(1))
    return kept is None and not _used(session, identifier, None)
