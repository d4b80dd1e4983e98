"""Rows of every table, out of a database and into an empty one, by plain columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine

from backend.storage.tables import Table
from minimascope.contract.job_kinds import kinds_with
from minimascope.contract.problems import ProblemError

CHUNK = 500
# Pieces of unfinished uploads, and workers that will report again.
PASSING = {"transfers", "workers"}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Dump:
    """Rows by table, as they were at one moment under the schema of `revision`."""

    revision: str | None
    tables: dict[str, Rows]


def read_rows(engine: Engine) -> Dump:
    with _snapshot(engine).begin() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        tables = [each for each in Table.metadata.sorted_tables if each.name not in PASSING]
        return Dump(revision, {table.name: _rows(connection, table) for table in tables})


def _snapshot(engine: Engine) -> Engine:
    """Every table as of the same moment; SQLite's transactions are that already."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _rows(connection: Connection, table: sqlalchemy.Table) -> Rows:
    found: Rows = [dict(row) for row in connection.execute(sqlalchemy.select(table)).mappings()]
    # An analysis that is restored while it runs makes its shards anew.
    return [row for row in found if row.get("kind") not in kinds_with("part")]


def check_empty(engine: Engine, names: list[str]) -> None:
    """Raises ProblemError `not_empty` where one of these tables has rows."""
    known = sqlalchemy.MetaData()
    known.reflect(engine)
    with engine.connect() as connection:
        for name in names:
            if connection.execute(sqlalchemy.select(known.tables[name]).limit(1)).first():
                raise ProblemError(
                    "not_empty",
                    f"There are {name} here already; a backup is restored into an empty service.",
                )


def insert_rows(engine: Engine, tables: dict[str, Rows]) -> int:
    """Rows into the schema they were read from, all or none of them; how many."""
    known = sqlalchemy.MetaData()
    known.reflect(engine)
    with engine.execution_options(write=True).begin() as connection:
        for name, rows in tables.items():
            table = known.tables[name]
            for column in table.columns:
                if isinstance(column.type, sqlalchemy.JSON):
                    column.type.none_as_null = True
            for start in range(0, len(rows), CHUNK):
                connection.execute(table.insert(), rows[start : start + CHUNK])
        _advance(connection, known)
    return sum(map(len, tables.values()))


def _advance(connection: Connection, known: sqlalchemy.MetaData) -> None:
    """PostgreSQL counts by itself: the next number comes after those inserted."""
    if connection.dialect.name == "postgresql" and "audit" in known.tables:
        connection.execute(
            sqlalchemy.text(
                "SELECT setval(pg_get_serial_sequence('audit', 'id'), "
                "(SELECT COALESCE(MAX(id), 0) + 1 FROM audit), false)"
            )
        )
