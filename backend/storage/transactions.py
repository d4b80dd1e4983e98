"""How every statement reaches the database: one short transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Engine, Executable
from sqlalchemy.orm import Session


class Transactions:
    """Sessions on SQLite or PostgreSQL; a writer on SQLite takes its lock at BEGIN."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writer) as session, session.begin():
            yield session


def rows_changed(session: Session, change: Executable) -> int:
    """Executes an UPDATE or DELETE; how many rows it met."""
    return int(cast(Any, session.execute(change)).rowcount)
