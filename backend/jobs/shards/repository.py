"""Parts of one analysis as jobs of their own, which any idle worker may take.

A shard's id follows from its analysis, stage and index, so it exists once however often its
analysis starts. `subject` is the analysis. What the analysis' own worker works on carries that
worker's token, and lives by its heartbeats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, aliased

from backend.jobs.job import NewJob, ShardFound, ShardNews, ShardQuestion, worker_lost
from backend.jobs.repository import Jobs
from backend.jobs.rows import end, job_row
from backend.jobs.shard_rows import free_own_shards, session_of
from backend.storage.tables import JobRow
from minimascope.contract.schemas import FINAL_STATES, MAX_ATTEMPTS

# What another worker may need to come back for a shard that was lost twice.
LEASES_LEFT = 2.0


def shard_id(analysis: str, stage: str, index: int) -> str:
    """The unique key of a shard: 32 hexadecimal digits."""
    return hashlib.sha256(f"{analysis}/{stage}/{index}".encode()).hexdigest()[:32]


class Shards(Jobs):
    """Jobs of kind `shard`; `document["shard"]` holds stage, index and question."""

    def add_shards(
        self, analysis: str, token: str, questions: Sequence[ShardQuestion], *, now: float
    ) -> list[str]:
        """Writes the shards that are not there yet; their ids. The first are taken first.

        What this worker had taken is free again: its process was ended on the way.
        """
        with self._fenced(analysis, token) as parent:
            session = session_of(parent)
            free_own_shards(parent)
            added: list[str] = []
            for place, question in enumerate(questions):
                identifier = shard_id(analysis, question.stage, question.index)
                if session.get(JobRow, identifier) is None:
                    row = job_row(_job(parent, identifier, question), now + 1e-5 * place)
                    session.add(row)
                    added.append(identifier)
            return added

    def take_shard(
        self, analysis: str, token: str, stage: str, *, now: float, lease: float
    ) -> ShardNews:
        """A shard of this stage for the analysis' own worker, or how the others are.

        A shard that two workers were lost with is left to others for two leases and then given up:
        it must not take its analysis down.
        """
        with self._fenced(analysis, token) as parent:
            session = session_of(parent)
            rows = list(_of_stage(session, analysis, stage))
            for row in rows:
                if _given_up(row, now=now, lease=lease):
                    end(row, "failed", now=now, problem=worker_lost(row.attempt))
            taken = next((row for row in rows if _free(row, now)), None)
            if taken is not None:
                # Whoever else wants it asks for the same row: the update decides.
                taken.state, taken.token, taken.lease_until = "running", token, now + lease
                taken.attempt += 1
                taken.version += 1
                taken.started_at = taken.started_at or now
            return ShardNews(_found(taken) if taken else None, [_found(row) for row in rows])

    def forget_shards(self, analysis: str | None = None) -> list[str]:
        """Deletes the shards of an analysis that ended, or of all; the ids, whose files may go."""
        parent = aliased(JobRow)
        working = exists().where(parent.id == JobRow.subject, parent.state.not_in(FINAL_STATES))
        chosen = [JobRow.kind == "shard", ~working]
        if analysis is not None:
            chosen.append(JobRow.subject == analysis)
        with self.write() as session:
            found = [str(row) for row in session.scalars(select(JobRow.id).where(*chosen))]
            if found:
                session.execute(delete(JobRow).where(JobRow.id.in_(found)))
            return found


def _job(parent: JobRow, identifier: str, question: ShardQuestion) -> NewJob:
    shard = {"stage": question.stage, "index": question.index, "question": question.question}
    document = {**parent.document, "shard": {**shard, "analysis": parent.id}}
    return NewJob(
        "shard",
        parent.id,
        document,
        id=identifier,
        owner=parent.owner,
        priority=parent.priority,
    )


def _of_stage(session: Session, analysis: str, stage: str) -> list[JobRow]:
    query = select(JobRow).where(JobRow.kind == "shard", JobRow.subject == analysis)
    query = query.order_by(JobRow.created_at, JobRow.id).with_for_update()
    return [row for row in session.scalars(query) if row.document["shard"]["stage"] == stage]


def _free(row: JobRow, now: float) -> bool:
    waits = row.state == "queued" or (row.state == "running" and row.lease_until < now)
    return waits and row.attempt < MAX_ATTEMPTS - 1 and not row.cancel


def _given_up(row: JobRow, *, now: float, lease: float) -> bool:
    lost = row.state == "queued" and row.attempt >= MAX_ATTEMPTS - 1
    return lost and row.sent_at is not None and row.sent_at < now - LEASES_LEFT * lease


def _found(row: JobRow) -> ShardFound:
    return ShardFound(
        id=row.id,
        index=row.document["shard"]["index"],
        state=row.state,
        progress=row.progress if row.state == "running" else float(row.state == "done"),
        arrays=list(row.arrays),
        result=row.result,
        problem=row.problem,
    )
