"""Engine and migrations: SQLite in WAL mode by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from minimascope.contract.settings import Settings

# What is raised where the database is away or has no room.
DatabaseUnavailable = OperationalError
MIGRATIONS = Path(__file__).parent / "migrations"


def database_url(settings: Settings) -> str:
    if not settings.database_url:
        folder = settings.folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return f"sqlite:///{folder / 'minimascope.sqlite'}"
    # A bare postgresql:// would ask for psycopg 2.
    return settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def _prepare_sqlite(engine: Engine) -> None:
    """Explicit transactions: writers take the lock at BEGIN, so guarded updates never deadlock."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def open_database(url: str) -> Engine:
    """An engine whose schema is at the newest migration."""
    engine = connect(url)
    migrate(engine)
    return engine


def connect(url: str) -> Engine:
    """An engine on whatever schema is there."""
    if url.startswith("sqlite"):
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": 30})
        _prepare_sqlite(engine)
    else:
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.execution_options(write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
