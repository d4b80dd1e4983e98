"""Parts of one analysis as jobs of their own, which any idle worker may take.

A shard's id follows from its analysis, stage and index, so it exists once however often its
analysis starts. `subject` is the analysis. What the analysis' own worker works on carries that
worker's token, and lives by its heartbeats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.jobs.job import NewJob, worker_lost
from backend.jobs.repository import end, fenced, free_own_shards, job_row
from backend.jobs.schemas import ShardRequest, ShardState, ShardStates
from backend.storage.tables import JobRow
from backend.storage.transactions import Transactions
from minimascope.contract.job_kinds import job_kind
from minimascope.contract.shards import ShardQuestion

# What another worker may need to come back for a shard that was lost twice.
LEASES_LEFT = 2.0
ATTEMPTS = job_kind("shard").attempts


def shard_id(analysis: str, stage: str, index: int) -> str:
    """The unique key of a shard: 32 hexadecimal digits."""
    return hashlib.sha256(f"{analysis}/{stage}/{index}".encode()).hexdigest()[:32]


class ShardRepository(Transactions):
    """Jobs of kind `shard`; `document["shard"]` holds stage, index and question."""

    def add_shards(
        self, analysis: str, token: str, parts: Sequence[ShardRequest], *, now: float
    ) -> list[str]:
        """Writes the shards that are not there yet; their ids. The first are taken first.

        What this worker had taken is free again: its process was ended on the way.
        """
        with self.write() as session:
            parent = fenced(session, analysis, token)
            free_own_shards(session, parent)
            added: list[str] = []
            for place, part in enumerate(parts):
                identifier = shard_id(analysis, part.stage, part.index)
                if session.get(JobRow, identifier) is None:
                    row = job_row(_job(parent, identifier, part), now + 1e-5 * place)
                    session.add(row)
                    added.append(identifier)
            return added

    def take_shard(
        self, analysis: str, token: str, stage: str, *, now: float, lease: float
    ) -> ShardStates:
        """A shard of this stage for the analysis' own worker, or how the others are.

        A shard that two workers were lost with is left to others for two leases and then given up:
        it must not take its analysis down.
        """
        with self.write() as session:
            fenced(session, analysis, token)
            rows = list(_of_stage(session, analysis, stage))
            for row in rows:
                if _given_up(row, now=now, lease=lease):
                    end(session, row, "failed", now=now, problem=worker_lost(row.attempt))
            taken = next((row for row in rows if _free(row, now)), None)
            if taken is not None:
                # Whoever else wants it asks for the same row: the update decides.
                taken.state, taken.token, taken.lease_until = "running", token, now + lease
                taken.attempt += 1
                taken.version += 1
                taken.started_at = taken.started_at or now
            return ShardStates(
                taken=_found(taken) if taken else None, shards=[_found(row) for row in rows]
            )


def _job(parent: JobRow, identifier: str, part: ShardRequest) -> NewJob:
    shard = ShardQuestion(analysis=parent.id, **part.model_dump())
    document = {**parent.document, "shard": shard.model_dump(mode="json")}
    return NewJob(
        "shard",
        parent.id,
        document,
        id=identifier,
        owner=parent.owner,
        priority=parent.priority,
        release=parent.release,
    )


def _of_stage(session: Session, analysis: str, stage: str) -> list[JobRow]:
    query = select(JobRow).where(JobRow.kind == "shard", JobRow.subject == analysis)
    query = query.order_by(JobRow.created_at, JobRow.id).with_for_update()
    return [row for row in session.scalars(query) if row.document["shard"]["stage"] == stage]


def _free(row: JobRow, now: float) -> bool:
    waits = row.state == "queued" or (row.state == "running" and row.lease_until < now)
    return waits and row.attempt < ATTEMPTS - 1 and not row.cancel


def _given_up(row: JobRow, *, now: float, lease: float) -> bool:
    lost = row.state == "queued" and row.attempt >= ATTEMPTS - 1
    return lost and row.sent_at is not None and row.sent_at < now - LEASES_LEFT * lease


def _found(row: JobRow) -> ShardState:
    return ShardState(
        id=row.id,
        index=row.document["shard"]["index"],
        state=row.state,
        progress=row.progress if row.state == "running" else float(row.state == "done"),
        arrays=list(row.arrays),
        result=row.result,
        problem=row.problem,
    )
