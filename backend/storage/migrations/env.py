"""Alembic's entry: `backend.storage.database.migrate` hands it an open connection."""

from __future__ import annotations

from alembic import context

from backend.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
