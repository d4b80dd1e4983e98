"""Users with tokens, owners of jobs and uploads, the audit log, indexes of the lists.

What was there before belongs to nobody in particular: the server's own token sees it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    op.create_table(
        "upload_owners",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", "owner", name="pk_upload_owners"),
    )
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("owner", sa.String(32), nullable=False, server_default=""))
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("transfers") as table:
        table.add_column(sa.Column("owner", sa.String(32), nullable=False, server_default=""))
    with op.batch_alter_table("analyses") as table:
        table.add_column(sa.Column("share", sa.String(64), nullable=True))
        table.create_index("ix_analyses_test", ["test"])
    for columns in (
        ["kind", "created_at", "id"],
        ["kind", "state", "created_at", "id"],
        ["kind", "owner", "created_at", "id"],
    ):
        op.create_index(f"ix_jobs_{'_'.join(columns)}", "jobs", columns)


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.UniqueConstraint("token_hash", name="uq_users_token_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("user", sa.String(60), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(60), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
