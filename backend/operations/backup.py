"""A whole service in one tar file, and back: rows of every table, uploads, results.

Rows are JSON lines of plain columns, so a backup of SQLite restores into PostgreSQL and the other
way round; what an older version wrote is restored as it was and then migrated. Uploads are checked
against their sha256 on the way in. The file holds hashes of tokens: keep it as you keep the data.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine

from backend.storage.database import migrate
from backend.storage.files import Store
from backend.storage.tables import Table
from minimascope.contract.problems import ProblemError

FORMAT, CHUNK = 1, 500
LARGEST_MEMBER = 1 << 42
# Pieces of unfinished uploads, and workers that will report again.
PASSING = {"transfers", "workers"}


def _no_backup(reason: str) -> ProblemError:
    return ProblemError("no_backup", f"That is no backup of minimascope: {reason}.")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
    tar.addfile(member, io.BytesIO(content))


def _snapshot(engine: Engine) -> Engine:
    """Every table as of the same moment; SQLite's transactions are that already."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _rows(connection: Connection, table: sqlalchemy.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        dict(row) for row in connection.execute(sqlalchemy.select(table)).mappings()
    ]
    # An analysis that is restored while it runs makes its shards anew.
    return [row for row in found if row.get("kind") != "shard"]


def _files(store: Store, rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, Path]]:
    """Name in the archive and path of every file the rows speak of."""
    for sha256 in sorted({row["id"] for row in rows["uploads"]}):
        yield f"blobs/{sha256}", store.blob(sha256)
    for job in rows["jobs"]:
        for name in job["arrays"]:
            yield f"results/{job['id']}/{name}.npy", store.array(job["id"], name)
        if job["kind"] == "analysis":
            yield f"results/{job['id']}/report.json", store.report(job["id"])


def backup(engine: Engine, store: Store, target: Path) -> dict[str, int]:
    """Writes the archive under a temporary name first; counts of rows, files and missing files.

    A file that a row names and the store lacks (a report not written yet) is counted, not an error.
    """
    with _snapshot(engine).begin() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        tables = [each for each in Table.metadata.sorted_tables if each.name not in PASSING]
        rows = {table.name: _rows(connection, table) for table in tables}
    temporary = target.with_name(f".{target.name}.writing")
    files = missing = 0
    with (
        os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as out,
        tarfile.open(fileobj=out, mode="w") as tar,
    ):
        head = {"format": FORMAT, "revision": revision, "tables": list(rows)}
        _add(tar, "minimascope.json", json.dumps(head).encode())
        for name, lines in rows.items():
            _add(tar, f"rows/{name}.jsonl", "".join(f"{json.dumps(r)}\n" for r in lines).encode())
        for name, path in _files(store, rows):
            try:
                tar.add(store.have(path), name, recursive=False)
                files += 1
            except FileNotFoundError:
                missing += 1
        tar.close()
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, target)
    return {"rows": sum(map(len, rows.values())), "files": files, "missing": missing}


def restore(engine: Engine, store: Store, source: Path) -> dict[str, int]:
    """Fills an empty service; raises ProblemError `not_empty`, `no_backup` or `broken_backup`."""
    try:
        with tarfile.open(source, "r:") as tar:
            members = iter(tar)
            head = json.loads(_content(tar, next(members)))
            if head["format"] != FORMAT:
                raise _no_backup(f"its format is {head['format']}")
            rows = [(name, _content(tar, next(members))) for name in head["tables"]]
            migrate(engine, head["revision"])
            _check_empty(engine, head["tables"])
            # Rows last: files nobody speaks of do no harm, rows without their files would.
            files = sum(_keep(tar, member, store) for member in members)
            count = _insert(engine, rows)
    except (tarfile.TarError, StopIteration, ValueError, KeyError, TypeError) as error:
        raise _no_backup(f"{type(error).__name__} while reading {source.name}") from error
    migrate(engine)
    return {"rows": count, "files": files}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(member.name)
    return file.read()


def _check_empty(engine: Engine, names: list[str]) -> None:
    known = sqlalchemy.MetaData()
    known.reflect(engine)
    with engine.connect() as connection:
        for name in names:
            if connection.execute(sqlalchemy.select(known.tables[name]).limit(1)).first():
                raise ProblemError(
                    "not_empty",
                    f"There are {name} here already; a backup is restored into an empty service.",
                    "Choose another data folder or database.",
                    status=409,
                )


def _insert(engine: Engine, tables: list[tuple[str, bytes]]) -> int:
    """Rows into the schema they were read from, all or none of them."""
    known, count = sqlalchemy.MetaData(), 0
    known.reflect(engine)
    with engine.execution_options(write=True).begin() as connection:
        for name, lines in tables:
            table = known.tables[name]
            for column in table.columns:
                if isinstance(column.type, sqlalchemy.JSON):
                    column.type.none_as_null = True
            rows = [json.loads(line) for line in lines.splitlines()]
            for start in range(0, len(rows), CHUNK):
                connection.execute(table.insert(), rows[start : start + CHUNK])
            count += len(rows)
        _advance(connection, known)
    return count


def _advance(connection: Connection, known: sqlalchemy.MetaData) -> None:
    """PostgreSQL counts by itself: the next number comes after those inserted."""
    if connection.dialect.name == "postgresql" and "audit" in known.tables:
        connection.execute(
            sqlalchemy.text(
                "SELECT setval(pg_get_serial_sequence('audit', 'id'), "
                "(SELECT COALESCE(MAX(id), 0) + 1 FROM audit), false)"
            )
        )


def _path(store: Store, name: str) -> Path:
    """Only names that a backup gives; the store refuses all that are no ids."""
    parts = PurePosixPath(name).parts
    match parts:
        case ("blobs", sha256):
            return store.blob(sha256)
        case ("results", job, "report.json"):
            return store.report(job)
        case ("results", job, array) if array.endswith(".npy"):
            return store.array(job, array.removesuffix(".npy"))
    raise ValueError(name)


def _keep(tar: tarfile.TarFile, member: tarfile.TarInfo, store: Store) -> int:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(member.name)
    path, digest = _path(store, member.name), hashlib.sha256()
    with store.incoming(limit=LARGEST_MEMBER) as incoming:
        while part := file.read(1 << 20):
            incoming.write(part)
            digest.update(part)
        if member.name.startswith("blobs/") and digest.hexdigest() != path.name:
            raise ProblemError(
                "broken_backup",
                f"The bytes of upload {path.name[:12]}… differ from their sha256.",
                "Use another backup.",
            )
        incoming.keep(path)
    return 1
