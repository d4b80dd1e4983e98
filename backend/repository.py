"""All SQL of the product. Every method is one transaction; times come from the caller."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Engine, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, object_session

from backend.cursors import Cursor
from backend.jobs import (
    MAX_ATTEMPTS,
    Claim,
    JobStatus,
    NewJob,
    Progress,
    Reaped,
    closed_stages,
    merged_stages,
    stale,
    waiting_stages,
    worker_lost,
)
from backend.tables import AnalysisRow, JobRow, UploadRow
from minimascope.parameters import Parameters
from minimascope.problems import ProblemError
from minimascope.queues import QueueName
from minimascope.schemas import (
    FINAL_STATES,
    Analysis,
    AnalysisRequest,
    Inspection,
    StageStatus,
    State,
    Upload,
    UploadKind,
)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _upload(row: UploadRow) -> Upload:
    return Upload(
        id=row.id,
        kind=cast(UploadKind, row.kind),
        name=row.name,
        size=row.size,
        created_at=_time(row.created_at),
        inspection=Inspection.model_validate(row.inspection),
    )


def _analysis(row: AnalysisRow, job: JobRow) -> Analysis:
    return Analysis(
        id=row.id,
        name=row.name,
        state=cast(State, job.state),
        stages=[StageStatus.model_validate(stage) for stage in job.stages],
        created_at=_time(row.created_at),
        started_at=_time(job.started_at) if job.started_at else None,
        finished_at=_time(job.finished_at) if job.finished_at else None,
        progress=job.progress,
        message=job.message,
        attempt=job.attempt,
        problem=job.problem,
        checkpoint=row.checkpoint,
        train=row.train,
        test=row.test,
        parameters=Parameters.model_validate(row.parameters),
        arrays=sorted(job.arrays),
    )


def _inspection(found: dict[str, Any]) -> Inspection:
    known = {name: found[name] for name in ("format", "summary", "warnings") if name in found}
    return Inspection(state="ok", **known)


def _job_row(job: NewJob, now: float) -> JobRow:
    return JobRow(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        subject=job.subject,
        document=job.document,
        state="queued",
        stages=waiting_stages([{"stage": stage} for stage in job.stages]),
        created_at=now,
    )


def _missing(what: str, identifier: str) -> ProblemError:
    return ProblemError(f"no_such_{what}", f"There is no {what} {identifier[:80]!r}.", status=404)


class Repository:
    """Uploads, analyses and jobs in SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(write=True)

    @contextmanager
    def _read(self) -> Iterator[Session]:
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        self._engine.dispose()

    # uploads

    def upload(self, kind: UploadKind, identifier: str) -> Upload:
        with self._read() as session:
            return _upload(self._upload_row(session, kind, identifier))

    def uploads(
        self, kind: UploadKind, *, limit: int, cursor: Cursor | None
    ) -> tuple[list[Upload], Cursor | None]:
        query = select(UploadRow).where(UploadRow.kind == kind)
        if cursor:
            query = query.where(tuple_(UploadRow.created_at, UploadRow.id) < tuple_(*cursor))
        query = query.order_by(UploadRow.created_at.desc(), UploadRow.id.desc()).limit(limit + 1)
        with self._read() as session:
            rows = session.scalars(query).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return [_upload(r) for r in rows[:limit]], (last.created_at, last.id) if last else None

    def stored_bytes(self) -> int:
        with self._read() as session:
            return int(session.scalar(select(func.coalesce(func.sum(UploadRow.size), 0))) or 0)

    def add_upload(self, upload: Upload, job: NewJob | None, *, now: float) -> str:
        """The id of the job that inspects it, or "" where it is known to be good already.

        The same bytes again keep their row; a refused file is inspected again (the worker may
        have learnt its format since).
        """
        with self._write() as session:
            row = session.get(UploadRow, (upload.kind, upload.id))
            if row and row.inspection["state"] == "ok":
                return ""
            if row and row.inspection["state"] == "pending":
                return row.inspect_job
            if row is None:
                row = UploadRow(id=upload.id, kind=upload.kind, created_at=now)
                session.add(row)
            row.name, row.size = upload.name, upload.size
            row.inspection = upload.inspection.model_dump(mode="json")
            row.inspect_job = job.id if job else ""
            if job:
                session.add(_job_row(job, now))
            return row.inspect_job

    def delete_upload(self, kind: UploadKind, identifier: str) -> bool:
        """True where no other upload has the same bytes; refused while an analysis uses it."""
        used = or_(
            AnalysisRow.checkpoint == identifier,
            AnalysisRow.train == identifier,
            AnalysisRow.test == identifier,
        )
        with self._write() as session:
            session.delete(self._upload_row(session, kind, identifier))
            if session.scalar(select(func.count()).select_from(AnalysisRow).where(used)):
                raise ProblemError(
                    "in_use",
                    f"An analysis uses this {kind}.",
                    "Delete its analyses first.",
                    status=409,
                )
            session.execute(delete(JobRow).where(JobRow.subject == identifier))
            session.flush()
            rest = select(func.count()).select_from(UploadRow).where(UploadRow.id == identifier)
            return session.scalar(rest) == 0

    def _upload_row(self, session: Session, kind: UploadKind, identifier: str) -> UploadRow:
        row = session.get(UploadRow, (kind, identifier))
        if row is None:
            raise _missing(kind, identifier)
        return row

    # analyses

    def add_analysis(
        self,
        request: AnalysisRequest,
        job: NewJob,
        *,
        now: float,
        idempotency_key: str | None = None,
        request_hash: str = "",
    ) -> None:
        """Raises ProblemError `idempotency_key_reused` where another request holds the key."""
        row = AnalysisRow(
            id=job.id,
            name=request.name,
            checkpoint=request.checkpoint,
            train=request.train,
            test=request.test,
            parameters=request.parameters.model_dump(mode="json"),
            created_at=now,
            idempotency_key=idempotency_key,
            request_hash=request_hash,
        )
        try:
            with self._write() as session:
                session.add(_job_row(job, now))
                session.flush()
                session.add(row)
        except IntegrityError as error:
            raise ProblemError(
                "idempotency_key_reused",
                "Another submission with this Idempotency-Key was made at the same time.",
                "Ask again to get its analysis.",
                status=409,
            ) from error

    def analysis_by_key(self, idempotency_key: str) -> tuple[str, str] | None:
        """The analysis made with this key, and the hash of its request."""
        query = select(AnalysisRow.id, AnalysisRow.request_hash)
        query = query.where(AnalysisRow.idempotency_key == idempotency_key)
        with self._read() as session:
            row = session.execute(query).one_or_none()
            return (str(row[0]), str(row[1])) if row else None

    def analysis(self, identifier: str) -> Analysis:
        return self.analysis_version(identifier)[0]

    def analysis_version(self, identifier: str) -> tuple[Analysis, int]:
        """The analysis, and a number that grows with each change of it."""
        with self._read() as session:
            row, job = self._analysis_rows(session, identifier)
            return _analysis(row, job), job.version

    def analyses(
        self, *, limit: int, cursor: Cursor | None, state: State | None = None, q: str = ""
    ) -> tuple[list[Analysis], Cursor | None]:
        query = select(AnalysisRow, JobRow).join(JobRow, JobRow.id == AnalysisRow.id)
        if cursor:
            query = query.where(tuple_(AnalysisRow.created_at, AnalysisRow.id) < tuple_(*cursor))
        if state:
            query = query.where(JobRow.state == state)
        if q:
            query = query.where(AnalysisRow.name.icontains(q, autoescape=True))
        order = (AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        with self._read() as session:
            rows = session.execute(query.order_by(*order).limit(limit + 1)).all()
        last = rows[limit - 1][0] if len(rows) > limit else None
        items = [_analysis(row, job) for row, job in rows[:limit]]
        return items, (last.created_at, last.id) if last else None

    def delete_analysis(self, identifier: str) -> None:
        with self._write() as session:
            row, job = self._analysis_rows(session, identifier)
            if job.state not in FINAL_STATES:
                sentence = f"This analysis is {job.state}."
                raise ProblemError("not_ended", sentence, "Cancel it first.", status=409)
            session.delete(row)
            session.flush()
            session.delete(job)

    def cancel(self, identifier: str, *, now: float) -> None:
        """A queued job ends at once; a running one is told at its worker's next heartbeat."""
        with self._write() as session:
            _, job = self._analysis_rows(session, identifier)
            if job.state in ("done", "failed"):
                sentence = f"This analysis is {job.state} already."
                raise ProblemError("already_ended", sentence, status=409)
            if job.state == "queued":
                self._end(job, "cancelled", now=now)
            elif job.state == "running":
                job.cancel = True
                job.version += 1

    def retry(self, identifier: str) -> QueueName:
        with self._write() as session:
            _, job = self._analysis_rows(session, identifier)
            if job.state not in ("failed", "cancelled"):
                sentence = (
                    f"Only a failed or cancelled analysis can be retried; this is {job.state}."
                )
                raise ProblemError("not_retryable", sentence, status=409)
            job.state, job.attempt, job.token, job.cancel = "queued", 0, None, False
            job.sent_at = job.started_at = job.finished_at = job.problem = job.result = None
            job.progress, job.message, job.arrays = 0.0, "", list[Any]()
            job.stages = waiting_stages(job.stages)
            job.version += 1
            return cast(QueueName, job.queue)

    def import_done(self, request: AnalysisRequest, job: NewJob, arrays: list[str]) -> None:
        """A finished analysis made elsewhere, e.g. one of the demo's."""
        now = job.document.get("created_at", 0.0)
        self.add_analysis(request, job, now=now)
        with self._write() as session:
            row = session.get_one(JobRow, job.id)
            row.arrays, row.progress, row.started_at = arrays, 1.0, now
            row.stages = [{**stage, "state": "done"} for stage in row.stages]
            self._end(row, "done", now=now)

    def _analysis_rows(self, session: Session, identifier: str) -> tuple[AnalysisRow, JobRow]:
        row = session.get(AnalysisRow, identifier)
        if row is None:
            raise _missing("analysis", identifier)
        return row, session.get_one(JobRow, identifier)

    # jobs

    def add_job(self, job: NewJob, *, now: float) -> None:
        with self._write() as session:
            session.add(_job_row(job, now))

    def job(self, identifier: str) -> JobStatus:
        with self._read() as session:
            row = session.get(JobRow, identifier)
            if row is None:
                raise _missing("job", identifier)
            state = cast(State, row.state)
            return JobStatus(row.id, state, row.version, row.problem, row.result)

    def mark_sent(self, identifiers: Sequence[str], *, now: float) -> None:
        with self._write() as session:
            session.execute(update(JobRow).where(JobRow.id.in_(identifiers)).values(sent_at=now))

    def claim(self, identifier: str, *, now: float, lease: float) -> Claim | None:
        """Takes a queued or abandoned job, or None where there is nothing to take.

        The guarded UPDATE decides between workers; whatever the row said before is not trusted.
        """
        free = or_(
            JobRow.state == "queued", and_(JobRow.state == "running", JobRow.lease_until < now)
        )
        token = uuid.uuid4().hex
        guarded = update(JobRow).where(
            JobRow.id == identifier, JobRow.cancel.is_(False), JobRow.attempt < MAX_ATTEMPTS, free
        )
        values = {
            "state": "running",
            "attempt": JobRow.attempt + 1,
            "token": token,
            "lease_until": now + lease,
            "started_at": func.coalesce(JobRow.started_at, now),
            "version": JobRow.version + 1,
        }
        with self._write() as session:
            if not cast(Any, session.execute(guarded.values(**values))).rowcount:
                return None
            row = session.get_one(JobRow, identifier)
            row.progress, row.message, row.stages = 0.0, "", waiting_stages(row.stages)
            return Claim(row.id, row.kind, token, row.attempt, row.document)

    def heartbeat(
        self, identifier: str, token: str, progress: Progress, *, now: float, lease: float
    ) -> bool:
        """Extends the lease; True where the job should be cancelled."""
        with self._fenced(identifier, token) as row:
            row.lease_until = now + lease
            row.progress, row.message = progress.progress, progress.message
            row.stages = merged_stages(row.stages, progress.stages)
            return row.cancel

    def check_token(self, identifier: str, token: str) -> None:
        with self._read() as session:
            row = session.get(JobRow, identifier)
            if row is None or row.state != "running" or row.token != token:
                raise stale(identifier)

    @contextmanager
    def fenced_write(self, identifier: str, token: str, array: str = "") -> Iterator[None]:
        """The caller's own write, inside the transaction that holds the job's row."""
        with self._fenced(identifier, token) as row:
            yield
            if array:
                row.arrays = sorted({*row.arrays, array})

    def finish(
        self,
        identifier: str,
        token: str,
        state: State,
        *,
        now: float,
        problem: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        with self._fenced(identifier, token) as row:
            self._end(row, state, now=now, problem=problem, result=result)

    def release(self, identifier: str, token: str) -> QueueName:
        """A worker that is told to stop gives the job back without using up an attempt."""
        with self._fenced(identifier, token) as row:
            row.state, row.token, row.sent_at = "queued", None, None
            row.attempt -= 1
            row.stages = waiting_stages(row.stages)
            return cast(QueueName, row.queue)

    def reap(self, *, now: float, lease: float) -> Reaped:
        """Ends or requeues jobs whose worker was lost; names unsent jobs."""
        changed: list[str] = []
        expired = select(JobRow).where(JobRow.state == "running", JobRow.lease_until < now)
        with self._write() as session:
            for row in session.scalars(expired.with_for_update(skip_locked=True)).all():
                changed.append(row.id)
                if row.cancel:
                    self._end(row, "cancelled", now=now)
                elif row.attempt >= MAX_ATTEMPTS:
                    self._end(row, "failed", now=now, problem=worker_lost(row.attempt))
                else:
                    row.state, row.token, row.sent_at = "queued", None, None
                    row.stages = waiting_stages(row.stages)
                    row.version += 1
            session.flush()
            # Younger ones are about to be sent by the request that wrote them.
            unsent = or_(JobRow.attempt > 0, JobRow.created_at < now - min(lease, 2.0))
            query = select(JobRow.id, JobRow.queue).where(
                JobRow.state == "queued", JobRow.sent_at.is_(None), unsent
            )
            rows = session.execute(query).all()
            return Reaped([(str(r[0]), cast(QueueName, r[1])) for r in rows], changed)

    def overdue(self, queue: QueueName, *, sent_before: float) -> list[str]:
        """Queued jobs whose message was sent long ago: lost, where the queue is empty."""
        query = select(JobRow.id).where(
            JobRow.state == "queued", JobRow.queue == queue, JobRow.sent_at < sent_before
        )
        with self._read() as session:
            return list(session.scalars(query))

    def queue_figures(self, *, now: float) -> tuple[dict[tuple[str, str], int], float]:
        """Jobs by (kind, state), and the age of the oldest queued job in seconds."""
        counts = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
        oldest = select(func.min(JobRow.created_at)).where(JobRow.state == "queued")
        with self._read() as session:
            figures = {(str(r[0]), str(r[1])): int(r[2]) for r in session.execute(counts)}
            since = session.scalar(oldest)
        return figures, max(0.0, now - since) if since else 0.0

    @contextmanager
    def _fenced(self, identifier: str, token: str) -> Iterator[JobRow]:
        """The row of a job still held under `token`; raises ProblemError `stale_token`."""
        guarded = update(JobRow).where(
            JobRow.id == identifier, JobRow.token == token, JobRow.state == "running"
        )
        with self._write() as session:
            changed = session.execute(guarded.values(version=JobRow.version + 1))
            if not cast(Any, changed).rowcount:
                raise stale(identifier)
            yield session.get_one(JobRow, identifier)

    def _end(
        self,
        row: JobRow,
        state: State,
        *,
        now: float,
        problem: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        row.state, row.token, row.finished_at = state, None, now
        row.problem, row.result = problem, result
        row.progress = 1.0 if state == "done" else row.progress
        row.stages = closed_stages(row.stages, state)
        row.version += 1
        if row.kind.startswith("inspect_"):
            self._record_inspection(row)

    def _record_inspection(self, row: JobRow) -> None:
        session = object_session(row)
        key = (row.kind.removeprefix("inspect_"), row.subject)
        upload = session.get(UploadRow, key) if session else None
        if upload is None:
            return
        inspection = Inspection(state="refused", problem=row.problem)
        if row.state == "done":
            inspection = _inspection(row.result or {})
        upload.inspection = inspection.model_dump(mode="json")
