"""Backup and restore: everything comes back, on the other database too; nothing else goes in."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from pathlib import Path

import pytest

from backend.jobs.job import NewJob
from backend.operations.backup import backup, restore
from backend.storage.database import connect, open_database
from backend.storage.files import Store
from minimascope.contract.people import AuditEntry
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest, Inspection, Upload
from tests.cases.repositories import Repositories

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


def keep(store: Store, path: Path, content: bytes) -> None:
    with store.incoming(limit=len(content)) as incoming:
        incoming.write(content)
        incoming.keep(path)


def filled(repository: Repositories, store: Store) -> str:
    """An upload, a user with an audit entry, and a done analysis with report and array."""
    upload = Upload.model_validate(
        {
            "id": SHA,
            "kind": "checkpoint",
            "name": "größe.pt",
            "size": len(CONTENT),
            "created_at": 5,
            "inspection": Inspection(state="ok"),
        }
    )
    user = repository.auth.add_user("ann", "write", now=1.0)
    repository.auth.add_token("ann", "h" * 64, label="laptop", now=1.0, until=9e9)
    repository.uploads.add_upload(upload, None, now=5.0, owner=user.id)
    entry = {"user": "ann", "method": "POST", "path": "/x", "status": 201, "address": ""}
    repository.operations.record(AuditEntry.model_validate({**entry, "at": 5, "request_id": "r"}))
    request = AnalysisRequest(name="a", checkpoint=SHA, train=SHA)
    job = NewJob("analysis", SHA, {"files": {}}, stages=("spectrum",), owner=user.id)
    repository.analyses.import_done(request, job, ["points"], now=time.time())
    keep(store, store.blob(SHA), CONTENT)
    keep(store, store.report(job.id), b"{}")
    keep(store, store.array(job.id, "points"), b"\x93NUMPY")
    return job.id


def test_a_backup_comes_back_in_either_database(database: str, tmp_path: Path) -> None:
    source, target = Store(tmp_path / "a"), Store(tmp_path / "b")
    engine = open_database(f"sqlite:///{tmp_path / 'source.sqlite'}")
    before = Repositories(engine)
    identifier = filled(before, source)
    archive = tmp_path / "backup.tar"
    assert backup(engine, source, archive)["files"] == 3
    assert archive.stat().st_mode & 0o077 == 0
    empty = connect(database)
    assert restore(empty, target, archive)["files"] == 3
    after = Repositories(open_database(database))
    assert after.analyses.analysis(identifier) == before.analyses.analysis(identifier)
    assert after.uploads.upload("checkpoint", SHA) == before.uploads.upload("checkpoint", SHA)
    assert after.auth.credential_of_token("h" * 64, now=2.0) == before.auth.credential_of_token(
        "h" * 64, now=2.0
    )
    assert target.blob(SHA).read_bytes() == CONTENT
    assert target.report(identifier).read_bytes() == b"{}"
    # New rows get new numbers after those restored.
    after.operations.record(before.operations.audit(limit=1)[0])
    assert len(after.operations.audit(limit=10)) == 2
    with pytest.raises(ProblemError) as refused:
        restore(empty, target, archive)
    assert refused.value.code == "not_empty"
    empty.dispose()
    before.close()
    after.close()


def altered(archive: Path, name: str, content: bytes, *, renamed: str = "") -> Path:
    """The archive with one member's content, or name, changed."""
    changed = archive.with_name("changed.tar")
    with tarfile.open(archive) as old, tarfile.open(changed, "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file
            part = content if member.name == name else file.read()
            member.size = len(part)
            member.name = renamed if renamed and member.name == name else member.name
            new.addfile(member, io.BytesIO(part))
    return changed


def test_a_damaged_or_foreign_archive_is_refused_and_writes_no_path_of_its_own(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "a")
    engine = open_database(f"sqlite:///{tmp_path / 'source.sqlite'}")
    filled(Repositories(engine), store)
    archive = tmp_path / "backup.tar"
    backup(engine, store, archive)
    blob = f"blobs/{SHA}"
    text = tmp_path / "text.tar"
    text.write_text("no archive")
    for number, (path, code) in enumerate(
        (
            (lambda: altered(archive, blob, b"other bytes"), "broken_backup"),
            (lambda: altered(archive, blob, CONTENT, renamed="blobs/../../../x"), "no_backup"),
            (lambda: altered(archive, blob, CONTENT, renamed="/etc/x"), "no_backup"),
            (lambda: altered(archive, "minimascope.json", b"[]"), "no_backup"),
            (lambda: text, "no_backup"),
        )
    ):
        target = connect(f"sqlite:///{tmp_path / f'{number}.sqlite'}")
        with pytest.raises(ProblemError) as refused:
            restore(target, Store(tmp_path / f"store-{number}"), path())
        assert refused.value.code == code
        assert not (tmp_path / "x").exists()
        target.dispose()
    engine.dispose()
