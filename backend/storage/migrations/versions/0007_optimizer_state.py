"""The state of an optimiser beside checkpoint and data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("analyses") as table:
        table.add_column(sa.Column("optimizer_state", sa.String(64), nullable=True))
        table.create_index("ix_analyses_optimizer_state", ["optimizer_state"])
