"""Names in the index of the list, so that a search reads no rows."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("analyses") as table:
        table.drop_index("ix_analyses_created_at_id")
        table.create_index("ix_analyses_created_at_id_name", ["created_at", "id", "name"])
