"""Planes asked for: each a job whose id follows from the question, so that it is its own cache."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.jobs import NewJob
from backend.repository.rows import job_row, missing
from backend.repository.transactions import Transactions
from backend.tables import JobRow
from minimascope.problems import ProblemError
from minimascope.schemas import FINAL_STATES, State
from minimascope.slices import Slice, SliceRequest

MOST_UNANSWERED = 20


class Slices(Transactions):
    """Jobs of kind `slice`; `subject` is the analysis, the document holds the question."""

    def slice(self, analysis: str, identifier: str) -> Slice:
        """Raises ProblemError `no_such_slice` where this analysis was not asked for it."""
        with self.read() as session:
            row = session.get(JobRow, identifier)
            if row is None or row.kind != "slice" or row.subject != analysis:
                raise missing("slice", identifier)
            return _as_slice(row)

    def ask_slice(self, job: NewJob, *, now: float) -> bool:
        """True where a worker should compute it: nobody asked before, or no worker could answer.

        A refusal (status below 500) is an answer and stays one. Raises ProblemError
        `too_many_slices` where too many of this analysis wait.
        """
        try:
            with self.write() as session:
                row = session.get(JobRow, job.id)
                if row and not _unanswerable(row):
                    return False
                if row:
                    session.delete(row)
                elif _unanswered(session, job.subject) >= MOST_UNANSWERED:
                    raise _too_many()
                session.flush()
                session.add(job_row(job, now))
        except IntegrityError:  # asked twice at the same time
            return False
        return True

    def forget_slices(
        self, *, analysis: str | None = None, ended_before: float | None = None
    ) -> list[str]:
        """Deletes the planes of an analysis, or all old ones; the ids, whose arrays may go."""
        chosen = [JobRow.kind == "slice"]
        if analysis is not None:
            chosen.append(JobRow.subject == analysis)
        if ended_before is not None:
            chosen += [JobRow.state.in_(FINAL_STATES), JobRow.finished_at < ended_before]
        with self.write() as session:
            found = [str(row) for row in session.scalars(select(JobRow.id).where(*chosen))]
            session.execute(delete(JobRow).where(JobRow.id.in_(found)))
            return found


def _unanswerable(row: JobRow) -> bool:
    """A worker was lost, or ran out of memory or time: another attempt may do better."""
    return row.state == "failed" and int((row.problem or {}).get("status", 500)) >= 500


def _unanswered(session: Session, analysis: str) -> int:
    query = select(func.count()).select_from(JobRow)
    query = query.where(
        JobRow.kind == "slice", JobRow.subject == analysis, JobRow.state.not_in(FINAL_STATES)
    )
    return int(session.scalar(query) or 0)


def _too_many() -> ProblemError:
    return ProblemError(
        "too_many_slices",
        f"{MOST_UNANSWERED} planes of this analysis are not computed yet.",
        "Wait for one of them.",
        status=429,
    )


def _as_slice(row: JobRow) -> Slice:
    return Slice(
        id=row.id,
        analysis=row.subject,
        request=SliceRequest.model_validate(row.document["slice"]),
        state=cast(State, row.state),
        progress=row.progress,
        message=row.message,
        problem=row.problem,
        arrays=tuple(sorted(row.arrays)),
        underflowed=cast(dict[str, Any], row.result or {}).get("underflowed"),
    )
