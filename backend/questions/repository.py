"""Planes and lines asked for: jobs whose id follows from the question, each its own cache."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.jobs.job import NewJob
from backend.jobs.repository import job_row
from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.job_kinds import KindName, job_kind, kinds_with
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.questions.descents import Descent, DescentRequest
from minimascope.contract.questions.interpolations import Interpolation, InterpolationRequest
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.schemas import FINAL_STATES, State

QUESTIONS = kinds_with("question")


class QuestionRepository(Transactions):
    """Jobs whose role is `question`; `subject` is the analysis, the document holds the question."""

    def slice(self, analysis: str, identifier: str) -> Slice:
        """Raises ProblemError `no_such_slice` where this analysis was not asked for it."""
        with self.read() as session:
            return _as_slice(_row(session, "slice", analysis, identifier))

    def interpolation(self, analysis: str, identifier: str) -> Interpolation:
        """Raises ProblemError `no_such_interpolation` where this analysis was not asked for it."""
        with self.read() as session:
            return _as_interpolation(_row(session, "interpolation", analysis, identifier))

    def descent(self, analysis: str, identifier: str) -> Descent:
        """Raises ProblemError `no_such_descent` where this analysis was not asked for it."""
        with self.read() as session:
            return _as_descent(_row(session, "descent", analysis, identifier))

    def ask(self, job: NewJob, *, now: float) -> bool:
        """True where a worker should compute it: nobody asked before, or no worker could answer.

        A refusal (status below 500) is an answer and stays one. Raises ProblemError
        `too_many_slices` where too many questions to this analysis wait.
        """
        try:
            with self.write() as session:
                row = session.get(JobRow, job.id)
                if row and not _unanswerable(row):
                    return False
                if row:
                    session.delete(row)
                else:
                    _check_waiting(session, job)
                session.flush()
                session.add(job_row(job, now))
        except IntegrityError:  # asked twice at the same time
            return False
        return True


def _row(session: Session, kind: KindName, analysis: str, identifier: str) -> JobRow:
    row = session.get(JobRow, identifier)
    if row is None or row.kind != kind or row.subject != analysis:
        raise missing(kind, identifier)
    return row


def _unanswerable(row: JobRow) -> bool:
    """A worker was lost, or ran out of memory or time: another attempt may do better."""
    return row.state == "failed" and int((row.problem or {}).get("status", 500)) >= 500


def _check_waiting(session: Session, job: NewJob) -> None:
    """Raises ProblemError `too_many_slices` where as many wait as may."""
    most = job_kind(job.kind).most_waiting
    waiting = select(func.count()).select_from(JobRow)
    waiting = waiting.where(
        JobRow.kind.in_(QUESTIONS),
        JobRow.subject == job.subject,
        JobRow.state.not_in(FINAL_STATES),
    )
    if most is not None and int(session.scalar(waiting) or 0) >= most:
        raise ProblemError(
            "too_many_slices",
            f"{most} planes, lines or descents of this analysis are not computed yet.",
        )


def _progress(row: JobRow) -> dict[str, Any]:
    """What the documents of all questions have in common."""
    return {
        "id": row.id,
        "analysis": row.subject,
        "state": cast(State, row.state),
        "progress": row.progress,
        "message": row.message,
        "problem": row.problem,
    }


def _as_slice(row: JobRow) -> Slice:
    return Slice(
        **_progress(row),
        request=SliceRequest.model_validate(row.document["slice"]),
        arrays=tuple(sorted(row.arrays)),
        underflowed=cast(dict[str, Any], row.result or {}).get("underflowed"),
    )


def _as_interpolation(row: JobRow) -> Interpolation:
    return Interpolation(
        **_progress(row),
        request=InterpolationRequest.model_validate(row.document["interpolation"]["request"]),
        curve=cast(dict[str, Any], row.result or {}).get("curve"),
    )


def _as_descent(row: JobRow) -> Descent:
    return Descent(
        **_progress(row),
        request=DescentRequest.model_validate(row.document["descent"]),
        arrays=tuple(sorted(row.arrays)),
        path=cast(dict[str, Any], row.result or {}).get("path"),
    )
