"""What people asked for: submitted, listed, cancelled, tried again, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from backend.analyses.documents import as_analysis, as_row
from backend.analyses.submission import KEY_TAKEN, NO_KEY, Submission
from backend.auth.principal import EVERYONE
from backend.http.cursors import Cursor
from backend.jobs.job import NewJob, waiting_stages
from backend.jobs.repository import cancel_shards, end, job_row
from backend.storage.tables import AnalysisRow, JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import (
    FINAL_STATES,
    Analysis,
    AnalysisChange,
    AnalysisRequest,
    ListedAnalysis,
    MadeBy,
    State,
)


@contextmanager
def one_key() -> Iterator[None]:
    """Turns the database's refusal of a key that is taken into a ProblemError."""
    try:
        yield
    except IntegrityError as error:
        raise ProblemError(
            KEY_TAKEN,
            "Another submission with this Idempotency-Key was made at the same time.",
            "Ask again to get its analysis.",
        ) from error


def insert(
    session: Session,
    request: AnalysisRequest,
    job: NewJob,
    *,
    now: float,
    submission: Submission,
) -> JobRow:
    """Writes both rows of an analysis; IntegrityError where its key is taken."""
    made = job_row(job, now)
    session.add(made)
    session.flush()
    session.add(
        AnalysisRow(
            id=job.id,
            name=request.name,
            checkpoint=request.checkpoint,
            train=request.train,
            test=request.test,
            optimizer_state=request.optimizer_state,
            parameters=request.parameters.model_dump(mode="json"),
            created_at=now,
            idempotency_key=submission.idempotency_key,
            request_hash=submission.request_hash,
            content=submission.content,
            run=request.run,
            step=request.step,
            published=submission.published,
        )
    )
    return made


class AnalysisRepository(Transactions):
    """Analyses; each one's state lives in the job of the same id."""

    def add_analysis(
        self,
        request: AnalysisRequest,
        job: NewJob,
        *,
        now: float,
        submission: Submission = NO_KEY,
    ) -> None:
        """Raises ProblemError `idempotency_key_reused` where another request holds the key."""
        with one_key(), self.write() as session:
            insert(session, request, job, now=now, submission=submission)

    def analysis_by_key(self, idempotency_key: str) -> tuple[str, str] | None:
        """The analysis made with this key, and the hash of its request."""
        query = select(AnalysisRow.id, AnalysisRow.request_hash)
        query = query.where(AnalysisRow.idempotency_key == idempotency_key)
        with self.read() as session:
            row = session.execute(query).one_or_none()
            return (str(row[0]), str(row[1])) if row else None

    def analysis(self, identifier: str) -> Analysis:
        return self.analysis_version(identifier)[0]

    def analysis_version(self, identifier: str) -> tuple[Analysis, int]:
        """The analysis, and a number that grows with each change of it."""
        with self.read() as session:
            row, job = self._analysis_rows(session, identifier)
            return as_analysis(row, job), job.version

    def analyses(
        self,
        *,
        limit: int,
        cursor: Cursor | None,
        state: State | None = None,
        q: str = "",
        owner: str | None = None,
    ) -> tuple[list[ListedAnalysis], Cursor | None]:
        """Newest first; an `owner` sees its own and what ships with the product.

        The keys of the page first, which indexes alone answer, then its rows.
        """
        owners = [None] if owner is None else [owner, EVERYONE]
        with self.read() as session:
            keys: list[Cursor] = []
            for each in owners:
                query = self._keys(state, q, each, cursor).limit(limit + 1)
                keys += [(row[0], row[1]) for row in session.execute(query)]
            keys = sorted(keys, reverse=True)
            page = [identifier for _, identifier in keys[:limit]]
            if not page:
                return [], None
            wanted = select(AnalysisRow, JobRow).join(JobRow, JobRow.id == AnalysisRow.id)
            long = (JobRow.document, JobRow.result, AnalysisRow.parameters)
            wanted = wanted.options(*(defer(each) for each in long))
            rows = session.execute(wanted.where(AnalysisRow.id.in_(page))).all()
        found = {row.id: as_row(row, job) for row, job in rows}
        # One that was deleted meanwhile is not there.
        items = [found[identifier] for identifier in page if identifier in found]
        return items, keys[limit - 1] if len(keys) > limit else None

    def _keys(
        self, state: State | None, q: str, owner: str | None, cursor: Cursor | None
    ) -> Select[float, str]:
        """(created_at, id) of matching analyses in the order of the list.

        Both tables hold these two values: names are in the index of one, states and owners in those
        of the other.
        """
        by_name = bool(q) and state is None and owner is None
        table: Any = AnalysisRow if by_name else JobRow
        query = select(table.created_at, table.id)
        if not by_name:
            query = query.where(JobRow.kind == "analysis")
        if q and not by_name:
            query = query.join(AnalysisRow, AnalysisRow.id == JobRow.id)
        if q:
            query = query.where(self._named(q))
        if state:
            query = query.where(JobRow.state == state)
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        if cursor:
            query = query.where(tuple_(table.created_at, table.id) < tuple_(*cursor))
        return query.order_by(table.created_at.desc(), table.id.desc())

    def _named(self, q: str) -> ColumnElement[bool]:
        """Part of the name, upper and lower case alike."""
        if self._engine.dialect.name == "sqlite":
            # Its LIKE ignores ASCII's case by itself; its lower() knows no other and costs more.
            return AnalysisRow.name.contains(q, autoescape=True)
        return AnalysisRow.name.icontains(q, autoescape=True)

    def describe(self, identifier: str, change: AnalysisChange) -> None:
        """What a person says of it; fields that are not given stay."""
        with self.write() as session:
            row, _ = self._analysis_rows(session, identifier)
            for name, value in change.model_dump(exclude_unset=True, exclude_none=True).items():
                setattr(row, name, value)

    def delete_analysis(self, identifier: str) -> None:
        with self.write() as session:
            row, job = self._analysis_rows(session, identifier)
            if job.state not in FINAL_STATES:
                sentence = f"This analysis is {job.state}."
                raise ProblemError("not_ended", sentence)
            session.delete(row)
            session.flush()
            session.delete(job)

    def cancel(self, identifier: str, *, now: float) -> None:
        """A queued job ends at once; a running one is told at its worker's next heartbeat."""
        with self.write() as session:
            _, job = self._analysis_rows(session, identifier)
            if job.state in ("done", "failed"):
                sentence = f"This analysis is {job.state} already."
                raise ProblemError("already_ended", sentence)
            if job.state == "queued":
                end(session, job, "cancelled", now=now)
            elif job.state == "running":
                job.cancel = True
                job.version += 1
                cancel_shards(session, identifier)

    def retry(self, identifier: str) -> QueueName:
        with self.write() as session:
            _, job = self._analysis_rows(session, identifier)
            if job.state not in ("failed", "cancelled"):
                sentence = (
                    f"Only a failed or cancelled analysis can be retried; this is {job.state}."
                )
                raise ProblemError("not_retryable", sentence)
            job.state, job.attempt, job.token, job.cancel = "queued", 0, None, False
            job.sent_at = job.started_at = job.finished_at = job.problem = job.result = None
            job.progress, job.message, job.arrays = 0.0, "", list[Any]()
            job.stages = waiting_stages(job.stages)
            job.version += 1
            return cast(QueueName, job.queue)

    def import_done(
        self,
        request: AnalysisRequest,
        job: NewJob,
        arrays: list[str],
        *,
        now: float,
        submission: Submission = NO_KEY,
        message: str = "",
        code: MadeBy | None = None,
    ) -> None:
        """A finished analysis whose results are in the store already."""
        # In one transaction: a worker never finds it waiting.
        with one_key(), self.write() as session:
            row = insert(session, request, job, now=now, submission=submission)
            row.arrays, row.started_at, row.message = arrays, now, message
            row.stages = [{**stage, "state": "done"} for stage in row.stages]
            if code:
                row.release, row.build = f"{code.version}/{code.estimators}", code.build
            end(session, row, "done", now=now)

    def done_with_content(self, content: str, *, owner: str, release: str) -> Analysis | None:
        """The newest done analysis of the same content hash that this release computed, of this
        person or shipped: another's would tell that somebody has the same files."""
        query = select(AnalysisRow, JobRow).join(JobRow, JobRow.id == AnalysisRow.id)
        query = query.where(
            AnalysisRow.content == content,
            JobRow.state == "done",
            JobRow.owner.in_((owner, EVERYONE)),
            JobRow.release == release,
        )
        with self.read() as session:
            found = session.execute(query.order_by(AnalysisRow.created_at.desc()).limit(1)).first()
            return as_analysis(*found) if found else None

    def _analysis_rows(self, session: Session, identifier: str) -> tuple[AnalysisRow, JobRow]:
        row = session.get(AnalysisRow, identifier)
        if row is None:
            raise missing("analysis", identifier)
        return row, session.get_one(JobRow, identifier)
