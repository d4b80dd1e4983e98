"""What happens to an analysis happens to its shards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, update
from sqlalchemy.orm import Session, object_session

from backend.storage.tables import JobRow


def session_of(row: JobRow) -> Session:
    """The session that a row was read in."""
    session = object_session(row)
    assert session is not None
    return session


def cancel_shards(session: Session, analysis: str) -> None:
    """Nobody takes them any more; who works on one hears of it at the next heartbeat."""
    mine = and_(JobRow.kind == "shard", JobRow.subject == analysis)
    session.execute(update(JobRow).where(mine).values(cancel=True))


def renew_own_shards(parent: JobRow, *, now: float, lease: float) -> None:
    """The heartbeat of an analysis is that of the shards its own worker took."""
    session_of(parent).execute(_own(parent).values(lease_until=now + lease))


def free_own_shards(parent: JobRow) -> None:
    """Back in the queue, the attempt being used up."""
    session_of(parent).execute(_own(parent).values({"state": "queued", "token": None}))


def release_own_shards(parent: JobRow) -> None:
    """Back in the queue, without using up an attempt."""
    values = {"state": "queued", "token": None, "attempt": JobRow.attempt - 1}
    session_of(parent).execute(_own(parent).values(values))


def _own(parent: JobRow) -> Any:
    return update(JobRow).where(
        JobRow.kind == "shard",
        JobRow.subject == parent.id,
        JobRow.state == "running",
        JobRow.token == parent.token,
    )
