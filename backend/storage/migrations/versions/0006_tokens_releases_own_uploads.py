"""Several tokens a user, with an end; the release that computed; each person's own uploads.

Results from before name no release, so they are not used again for a new submission.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = ("kind", "id", "owner", "name", "size", "created_at", "inspection", "inspect_job")


def upgrade() -> None:
    _tokens()
    _own_uploads()
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("release", sa.String(100), nullable=False, server_default=""))
        table.add_column(sa.Column("build", sa.String(40), nullable=False, server_default=""))
    op.create_index("ix_jobs_queue_started_at", "jobs", ["queue", "started_at"])
    with op.batch_alter_table("analyses") as table:
        table.add_column(sa.Column("share_until", sa.Double(), nullable=True))


def _tokens() -> None:
    """A user had one token, which keeps its user's id."""
    op.execute(
        "CREATE TABLE tokens_before AS SELECT id, token_hash, created_at, revoked_at FROM users"
    )
    # First: SQLite makes this table anew, and its end would take the rows that refer to it along.
    with op.batch_alter_table("users") as table:
        table.drop_constraint("uq_users_token_hash", type_="unique")
        table.drop_column("token_hash")
        table.add_column(sa.Column("quota_bytes", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("uploads_per_minute", sa.Integer(), nullable=True))
        table.add_column(
            sa.Column("high_priority", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name="fk_tokens_user", ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_tokens_token_hash"),
    )
    op.create_index("ix_tokens_user", "tokens", ["user"])
    op.execute(
        'INSERT INTO tokens (id, "user", label, token_hash, created_at, revoked_at) '
        "SELECT id, id, '', token_hash, created_at, revoked_at FROM tokens_before"
    )
    op.drop_table("tokens_before")


def _own_uploads() -> None:
    """A row a person; what nobody owned is the server's own.

    Of a file that several have it is not known who named it so: they get its id for a name.
    """
    several = "(SELECT COUNT(*) FROM upload_owners x WHERE x.kind = u.kind AND x.id = u.id) > 1"
    op.execute(
        "CREATE TABLE uploads_before AS SELECT u.kind, u.id, COALESCE(o.owner, '') AS owner, "  # noqa: S608 - ours
        f"CASE WHEN {several} THEN SUBSTR(u.id, 1, 12) ELSE u.name END AS name, "
        "u.size, u.created_at, u.inspection, u.inspect_job, u.used_at FROM uploads u "
        "LEFT JOIN upload_owners o ON o.kind = u.kind AND o.id = u.id"
    )
    op.drop_table("upload_owners")
    op.drop_table("uploads")
    op.create_table(
        "uploads",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("inspection", sa.JSON(), nullable=False),
        sa.Column("inspect_job", sa.String(32), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("kind", "id", "owner", name="pk_uploads"),
    )
    names = ", ".join((*COLUMNS, "used_at"))
    op.execute(f"INSERT INTO uploads ({names}) SELECT {names} FROM uploads_before")  # noqa: S608
    op.drop_table("uploads_before")
    op.create_index("ix_uploads_kind_created_at_id", "uploads", ["kind", "created_at", "id"])
    op.create_index(
        "ix_uploads_owner_kind_created_at_id", "uploads", ["owner", "kind", "created_at", "id"]
    )
    op.create_index("ix_uploads_id", "uploads", ["id"])
