"""What is pinned, and when an upload was last asked for: what retention goes by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("analyses") as table:
        table.add_column(
            sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("uploads") as table:
        table.add_column(sa.Column("used_at", sa.Double(), nullable=False, server_default="0"))
    op.execute("UPDATE uploads SET used_at = created_at")
