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

from backend.storage.database import Engine, migrate
from backend.storage.dump import check_empty, insert_rows, read_rows
from backend.storage.files import Store
from minimascope.contract.job_kinds import job_kind
from minimascope.contract.problems import ProblemError

FORMAT = 1
LARGEST_MEMBER = 1 << 42


def _no_backup(reason: str) -> ProblemError:
    return ProblemError("no_backup", f"That is no backup of minimascope: {reason}.")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
    tar.addfile(member, io.BytesIO(content))


def _files(store: Store, rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, Path]]:
    """Name in the archive and path of every file the rows speak of."""
    for sha256 in sorted({row["id"] for row in rows["uploads"]}):
        yield f"blobs/{sha256}", store.blob(sha256)
    for job in rows["jobs"]:
        for name in job["arrays"]:
            yield f"results/{job['id']}/{name}.npy", store.array(job["id"], name)
        # What is queued or cancelled has none, and what failed may have.
        if job_kind(job["kind"]).answer == "report" and job["state"] == "done":
            yield f"results/{job['id']}/report.json", store.report(job["id"])


def backup(engine: Engine, store: Store, target: Path) -> dict[str, int]:
    """Writes the archive under a temporary name first; counts of rows, files and missing files.

    A file that a row names and the store lacks (a report not written yet) is counted, not an error.
    """
    dump = read_rows(engine)
    rows = dump.tables
    temporary = target.with_name(f".{target.name}.writing")
    files = missing = 0
    with (
        os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as out,
        tarfile.open(fileobj=out, mode="w") as tar,
    ):
        head = {"format": FORMAT, "revision": dump.revision, "tables": list(rows)}
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
            rows = {name: _lines(_content(tar, next(members))) for name in head["tables"]}
            migrate(engine, head["revision"])
            check_empty(engine, head["tables"])
            # Rows last: files nobody speaks of do no harm, rows without their files would.
            files = sum(_keep(tar, member, store) for member in members)
            count = insert_rows(engine, rows)
    except (tarfile.TarError, StopIteration, ValueError, KeyError, TypeError) as error:
        raise _no_backup(f"{type(error).__name__} while reading {source.name}") from error
    migrate(engine)
    return {"rows": count, "files": files}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(member.name)
    return file.read()


def _lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


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
                "broken_backup", f"The bytes of upload {path.name[:12]}… differ from their sha256."
            )
        incoming.keep(path)
    return 1
