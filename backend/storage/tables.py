"""The database's tables. Times are seconds since the epoch, UTC, from the API's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String, Text, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def moment(seconds: float) -> datetime:
    """A stored time as the contract has it."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class JobRow(Table):
    """One unit of work. `token` fences: only its holder may write until the lease is lost."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_state_lease_until", "state", "lease_until"),
        Index("ix_jobs_subject", "subject"),
        # Who was served last.
        Index("ix_jobs_queue_started_at", "queue", "started_at"),
        # Lists: newest first, of one state, of one owner.
        Index("ix_jobs_kind_created_at_id", "kind", "created_at", "id"),
        Index("ix_jobs_kind_state_created_at_id", "kind", "state", "created_at", "id"),
        Index("ix_jobs_kind_owner_created_at_id", "kind", "owner", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    queue: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None] = mapped_column(String(32), default=None)
    lease_until: Mapped[float] = mapped_column(default=0.0)
    sent_at: Mapped[float | None] = mapped_column(default=None)
    cancel: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(default="")
    stages: Mapped[list[Any]] = mapped_column(default=list)
    arrays: Mapped[list[Any]] = mapped_column(default=list)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    created_at: Mapped[float]
    started_at: Mapped[float | None] = mapped_column(default=None)
    finished_at: Mapped[float | None] = mapped_column(default=None)
    owner: Mapped[str] = mapped_column(String(32), default="", server_default="")
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    # The release that took it last (`minimascope.contract.code`), of a shard the one that may.
    release: Mapped[str] = mapped_column(String(100), default="", server_default="")
    build: Mapped[str] = mapped_column(String(40), default="", server_default="")


class UploadRow(Table):
    """What one person keeps of a stored file: its name, its age, what a worker found in it.

    The bytes lie under their sha256 once and go with the last row that names them. Nothing of one
    person's row follows from another's, so nobody learns whether bytes were here already.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_kind_created_at_id", "kind", "created_at", "id"),
        Index("ix_uploads_owner_kind_created_at_id", "owner", "kind", "created_at", "id"),
        Index("ix_uploads_id", "id"),
    )

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]
    inspection: Mapped[dict[str, Any]]
    inspect_job: Mapped[str] = mapped_column(String(32), default="")
    used_at: Mapped[float] = mapped_column(default=0.0, server_default="0")


class AnalysisRow(Table):
    """What a person asked for; its state lives in the job of the same id."""

    __tablename__ = "analyses"
    __table_args__ = (
        Index("ix_analyses_created_at_id_name", "created_at", "id", "name"),
        Index("ix_analyses_checkpoint", "checkpoint"),
        Index("ix_analyses_train", "train"),
        Index("ix_analyses_test", "test"),
        Index("ix_analyses_optimizer_state", "optimizer_state"),
        Index("ix_analyses_content", "content"),
        Index("ix_analyses_run_step", "run", "step"),
    )

    id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str]
    checkpoint: Mapped[str] = mapped_column(String(64))
    train: Mapped[str] = mapped_column(String(64))
    test: Mapped[str | None] = mapped_column(String(64))
    optimizer_state: Mapped[str | None] = mapped_column(String(64), default=None)
    parameters: Mapped[dict[str, Any]]
    created_at: Mapped[float]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(String(64), default="", server_default="")
    share: Mapped[str | None] = mapped_column(String(64), default=None)
    share_until: Mapped[float | None] = mapped_column(default=None)
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    run: Mapped[str | None] = mapped_column(String(100), default=None)
    step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    # Bytes of a result that was computed elsewhere and published; null where it was computed here.
    published: Mapped[int | None] = mapped_column(BigInteger, default=None)
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    tags: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    project: Mapped[str] = mapped_column(String(80), default="", server_default="")


class WorkerRow(Table):
    """A worker process and what it last said of itself."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    report: Mapped[dict[str, Any]]
    seen_at: Mapped[float]


class TransferRow(Table):
    """An upload in pieces (tus): `received` bytes are durable; `sha256` once it is complete."""

    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str]
    length: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    expires_at: Mapped[float]
    owner: Mapped[str] = mapped_column(String(32), default="", server_default="")


class UserRow(Table):
    """Somebody with tokens, and what they may use; null: as much as anybody."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    scope: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[float]
    revoked_at: Mapped[float | None] = mapped_column(default=None)
    quota_bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)
    uploads_per_minute: Mapped[int | None] = mapped_column(default=None)
    high_priority: Mapped[bool] = mapped_column(default=False, server_default=false())


class TokenRow(Table):
    """One of a user's tokens, of which only the SHA-256 is kept."""

    __tablename__ = "tokens"
    __table_args__ = (Index("ix_tokens_user", "user"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(60), default="")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float]
    expires_at: Mapped[float | None] = mapped_column(default=None)
    revoked_at: Mapped[float | None] = mapped_column(default=None)


class AuditRow(Table):
    """One request that changed something, or tried to."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[float]
    user: Mapped[str] = mapped_column(String(60))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(300))
    status: Mapped[int]
    address: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str] = mapped_column(String(32))
