"""Reports of one training run by step, and reports that were computed elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("analyses") as table:
        table.add_column(sa.Column("run", sa.String(100), nullable=True))
        table.add_column(sa.Column("step", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("published", sa.BigInteger(), nullable=True))
        table.create_index("ix_analyses_run_step", ["run", "step"])
