"""From the first migration, with data, to the newest: nothing is lost, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from backend.auth.sessions import token_hash
from backend.storage.database import MIGRATIONS, migrate, open_database
from minimascope.contract.code import this_code
from tests.cases.repositories import Repositories

ANALYSIS, OLD, UPLOAD, TRANSFER, USER = "a" * 32, "b" * 32, "c" * 64, "d" * 32, "e" * 32
Row = Mapping[str, Any]


def insert(engine: Engine, table: str, row: Row) -> None:
    """In the words of that time: no class of today knows the old columns."""
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def first(engine: Engine) -> None:
    """What a server of the first version wrote."""
    job = {
        "id": ANALYSIS,
        "kind": "analysis",
        "queue": "analyses",
        "subject": UPLOAD,
        "document": json.dumps({"files": {"checkpoint": UPLOAD}}),
        "state": "done",
        "attempt": 1,
        "lease_until": 0.0,
        "cancel": False,
        "version": 7,
        "progress": 1.0,
        "message": "done",
        "stages": json.dumps([{"stage": "spectrum", "state": "done", "seconds": 2.0}]),
        "arrays": json.dumps(["points"]),
        "created_at": 1000.0,
        "started_at": 1001.0,
        "finished_at": 1002.0,
    }
    insert(engine, "jobs", job)
    queued = {"id": OLD, "kind": "inspect_dataset", "state": "queued", "finished_at": None}
    insert(engine, "jobs", {**job, **queued})
    upload = {
        "kind": "checkpoint",
        "id": UPLOAD,
        "name": "größer.pt",
        "size": 12345678901,
        "created_at": 999.0,
        "inspection": json.dumps({"state": "ok", "format": "pt"}),
        "inspect_job": "",
    }
    insert(engine, "uploads", upload)
    analysis = {
        "id": ANALYSIS,
        "name": "first",
        "checkpoint": UPLOAD,
        "train": UPLOAD,
        "parameters": json.dumps({"top_k": 3}),
        "created_at": 1000.0,
        "idempotency_key": "key",
        "request_hash": "hash",
    }
    insert(engine, "analyses", analysis)


def second(engine: Engine) -> None:
    """Workers that report, transfers, results found again by content."""
    report = json.dumps({"queues": ["gpu"], "device": "H200"})
    insert(engine, "workers", {"id": "w-1", "report": report, "seen_at": 1003.0})
    transfer = {"id": TRANSFER, "kind": "dataset", "name": "データ.npz", "sha256": ""}
    numbers = {"length": 5_000_000_000, "received": 4_000_000_000, "expires_at": 9e9}
    insert(engine, "transfers", {**transfer, **numbers})
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE analyses SET content = 'content'"))


def third(engine: Engine) -> None:
    """Users, owners, shares, the audit log."""
    user = {"id": USER, "name": "ann", "scope": "write", "created_at": 1004.0}
    insert(engine, "users", {**user, "token_hash": token_hash("token")})
    insert(engine, "upload_owners", {"kind": "checkpoint", "id": UPLOAD, "owner": USER})
    audit = {"at": 1005.0, "user": "ann", "method": "POST", "path": "/api/v1/analyses"}
    rest = {"status": 201, "address": "127.0.0.1", "request_id": "f" * 32}
    insert(engine, "audit", {**audit, **rest})
    with engine.begin() as connection:
        owned = "UPDATE jobs SET owner = :user, priority = 1 WHERE id = :id"
        connection.execute(sqlalchemy.text(owned), {"user": USER, "id": ANALYSIS})
        connection.execute(sqlalchemy.text("UPDATE analyses SET share = 'secret'"))


WRITERS: dict[str, Callable[[Engine], None]] = {"0001": first, "0002": second, "0003": third}


def upgraded(url: str) -> Repositories:
    """Every migration one after another, each version's server writing before the next."""
    engine = sqlalchemy.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in reversed(steps):
        migrate(engine, revision)
        WRITERS.get(revision, lambda _: None)(engine)
    engine.dispose()
    return Repositories(open_database(url))


def test_a_database_of_the_first_version_is_upgraded_with_its_data(database: str) -> None:
    repository = upgraded(database)
    [analysis] = repository.analyses.analyses(limit=10, cursor=None)[0]
    assert (analysis.id, analysis.name, analysis.state) == (ANALYSIS, "first", "done")
    assert analysis.arrays == ["points"]
    assert repository.analyses.analysis(ANALYSIS).parameters.top_k == 3
    assert analysis.stages[0].seconds == 2.0
    assert repository.analyses.analysis_by_key("key") == (ANALYSIS, "hash")
    assert repository.uploads.upload("checkpoint", UPLOAD).size == 12345678901
    assert repository.uploads.upload("checkpoint", UPLOAD).name == "größer.pt"
    # Nobody in particular owns what is older than users: the server's own token sees it.
    assert repository.analyses.analyses(limit=10, cursor=None, owner="somebody")[0] == []
    assert repository.jobs.claim(OLD, now=2000.0, lease=5.0)
    repository.close()


def test_what_each_later_version_wrote_is_there_too(database: str) -> None:
    repository = upgraded(database)
    [worker] = repository.workers.workers(seen_since=0.0)
    assert (worker["id"], worker["device"], worker["seen_at"]) == ("w-1", "H200", 1003.0)
    transfer = repository.transfers.transfer(TRANSFER, now=2000.0)
    assert (transfer.name, transfer.length, transfer.owner) == ("データ.npz", 5_000_000_000, "")
    # Nobody knows which release computed it, so it is used for no new submission.
    release = this_code().release
    assert repository.analyses.done_with_content("content", owner=USER, release=release) is None
    found = repository.analyses.done_with_content("content", owner=USER, release="")
    assert found
    assert (found.id, found.made_by) == (ANALYSIS, None)
    credential = repository.auth.credential_of_token(token_hash("token"), now=2000.0)
    assert credential
    assert (credential.principal.id, credential.principal.scope) == (USER, "write")
    [listed] = repository.analyses.analyses(limit=10, cursor=None, owner=USER)[0]
    assert listed.id == ANALYSIS
    repository.auth.check_analysis(ANALYSIS, "somebody", reading=True, share="secret", now=2000.0)
    repository.auth.check_upload("checkpoint", UPLOAD, USER, reading=False)
    [entry] = repository.operations.audit(limit=10)
    assert (entry.user, entry.status, entry.at.timestamp()) == ("ann", 201, 1005.0)
    repository.close()


def test_retention_counts_the_age_of_what_is_older_than_it(database: str) -> None:
    repository = upgraded(database)
    assert not repository.analyses.analysis(ANALYSIS).pinned
    repository.auth.share(ANALYSIS, None)
    assert repository.retention.disposable_analyses(ended_before=1002.0) == []
    assert repository.retention.disposable_analyses(ended_before=1003.0) == [ANALYSIS]
    repository.analyses.delete_analysis(ANALYSIS)
    # An upload's age counts from when it came.
    assert repository.retention.unused_uploads(unused_since=999.0) == []
    assert repository.retention.unused_uploads(unused_since=999.5) == [("checkpoint", UPLOAD, USER)]
    assert repository.uploads.delete_upload("checkpoint", UPLOAD) is True
    repository.close()
