"""Rows as the documents of the contract, and what ends a job whoever ends it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy.orm import object_session

from backend.jobs.job import NewJob, closed_stages, waiting_stages
from backend.storage.tables import AnalysisRow, JobRow, UploadRow
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import (
    Analysis,
    Inspection,
    StageStatus,
    State,
    Upload,
    UploadKind,
)
from minimascope.service.tracing import parent


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def as_upload(row: UploadRow) -> Upload:
    return Upload(
        id=row.id,
        kind=cast(UploadKind, row.kind),
        name=row.name,
        size=row.size,
        created_at=moment(row.created_at),
        inspection=Inspection.model_validate(row.inspection),
    )


def as_analysis(row: AnalysisRow, job: JobRow) -> Analysis:
    return Analysis(
        id=row.id,
        name=row.name,
        state=cast(State, job.state),
        stages=[StageStatus.model_validate(stage) for stage in job.stages],
        created_at=moment(row.created_at),
        started_at=moment(job.started_at) if job.started_at else None,
        finished_at=moment(job.finished_at) if job.finished_at else None,
        progress=job.progress,
        message=job.message,
        attempt=job.attempt,
        problem=job.problem,
        checkpoint=row.checkpoint,
        train=row.train,
        test=row.test,
        parameters=Parameters.model_validate(row.parameters),
        arrays=sorted(job.arrays),
        pinned=row.pinned,
    )


def as_inspection(found: dict[str, Any]) -> Inspection:
    known = {name: found[name] for name in ("format", "summary", "warnings") if name in found}
    return Inspection(state="ok", **known)


def job_row(job: NewJob, now: float) -> JobRow:
    return JobRow(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        subject=job.subject,
        document={**job.document, "trace": traced} if (traced := parent()) else job.document,
        state="queued",
        stages=waiting_stages([{"stage": stage} for stage in job.stages]),
        created_at=now,
        owner=job.owner,
        priority=job.priority,
    )


def missing(what: str, identifier: str) -> ProblemError:
    return ProblemError(f"no_such_{what}", f"There is no {what} {identifier[:80]!r}.", status=404)


def end(
    row: JobRow,
    state: State,
    *,
    now: float,
    problem: dict[str, Any] | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Writes the end of a job, and of the upload it inspected."""
    row.state, row.token, row.finished_at = state, None, now
    row.problem, row.result = problem, result
    row.progress = 1.0 if state == "done" else row.progress
    row.stages = closed_stages(row.stages, state)
    row.version += 1
    if row.kind.startswith("inspect_"):
        _record_inspection(row)


def _record_inspection(row: JobRow) -> None:
    session = object_session(row)
    key = (row.kind.removeprefix("inspect_"), row.subject)
    upload = session.get(UploadRow, key) if session else None
    if upload is None:
        return
    inspection = Inspection(state="refused", problem=row.problem)
    if row.state == "done":
        inspection = as_inspection(row.result or {})
    upload.inspection = inspection.model_dump(mode="json")
