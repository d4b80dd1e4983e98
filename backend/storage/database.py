"""Engine and migrations: SQLite in WAL mode by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings

# What is raised where the database is away or has no room.
DatabaseUnavailable = OperationalError
# That, and what is raised where it is damaged.
AnyDatabaseError = DatabaseError
SQLITE = "minimascope.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"
# PostgreSQL's lock of whoever migrates: another API process that starts waits for it.
MIGRATION_LOCK = 0x6D696E69
# SQLite's words, and PostgreSQL's SQLSTATEs, of pages that cannot be right.
DAMAGED_WORDS = ("malformed", "file is not a database", "database corruption")
DAMAGED_STATES = ("XX001", "XX002")


def database_url(settings: Settings) -> str:
    if not settings.database_url:
        folder = settings.folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / SQLITE
        # Earlier versions left it readable to everybody where the folder was.
        with contextlib.suppress(OSError):
            file.chmod(0o600)
        return f"sqlite:///{file}"
    # A bare postgresql:// would ask for psycopg 2.
    return settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def sqlite_file(settings: Settings) -> Path | None:
    """Where the embedded database is, or will be; None where another is set."""
    return None if settings.database_url else settings.folder() / SQLITE


def quick_check(engine: Engine) -> None:
    """Raises DatabaseError where SQLite finds its pages wrong; PostgreSQL knows by itself."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
        if found != "ok":
            raise DatabaseError("quick_check", None, Exception(f"database corruption: {found}"))


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


def is_damaged(error: BaseException) -> bool:
    """Whether the database said that its own pages contradict each other."""
    cause = getattr(error, "orig", None) or error
    words = str(cause).lower()
    return getattr(cause, "sqlstate", "") in DAMAGED_STATES or any(
        each in words for each in DAMAGED_WORDS
    )


def damaged(error: BaseException) -> ProblemError:
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
    return ProblemError("database_damaged", f"The database is damaged: {reason}.")


@contextlib.contextmanager
def damage_in_words() -> Iterator[None]:
    """Raises ProblemError `database_damaged` for what a damaged database raises."""
    try:
        yield
    except DatabaseError as error:
        if is_damaged(error):
            raise damaged(error) from error
        raise


def open_database(url: str) -> Engine:
    """An engine whose schema is at the newest migration.

    Raises ProblemError `database_damaged`, or `database_newer` where a later version wrote it.
    """
    engine = connect(url)
    try:
        with damage_in_words():
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect(url: str) -> Engine:
    """An engine on whatever schema is there."""
    if url.startswith("sqlite"):
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": 30})
        _prepare_sqlite(engine)
    else:
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    return engine


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The schema that is there, None where there is none yet, and this version's."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_alembic()).get_current_head()


def migrate(engine: Engine, revision: str = "head") -> None:
    """One process at a time; whoever comes second finds nothing left to do.

    Raises ProblemError `database_newer`.
    """
    config = _alembic()
    with engine.execution_options(write=True).begin() as connection:
        # SQLite's lock is taken at BEGIN.
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        _check_known(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _check_known(connection: Connection, known: ScriptDirectory) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    if found and found not in {step.revision for step in known.walk_revisions()}:
        raise ProblemError(
            "database_newer",
            f"A later version of minimascope wrote this database (schema {found[:40]}, here "
            f"{known.get_current_head()}).",
        )
