"""From the first migration, with data, to the newest: nothing is lost, on both databases."""

from __future__ import annotations

import json

import sqlalchemy

from backend.database import migrate, open_database
from backend.repository import Repository

ANALYSIS, OLD, UPLOAD = "a" * 32, "b" * 32, "c" * 64


def first(url: str) -> None:
    """What a server of the first version wrote."""
    engine = sqlalchemy.create_engine(url)
    migrate(engine, "0001")
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
    queued = {**job, "id": OLD, "kind": "inspect_dataset", "state": "queued", "finished_at": None}
    upload = {
        "kind": "checkpoint",
        "id": UPLOAD,
        "name": "größer.pt",
        "size": 12345678901,
        "created_at": 999.0,
        "inspection": json.dumps({"state": "ok", "format": "pt"}),
        "inspect_job": "",
    }
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
    rows = (("jobs", job), ("jobs", queued), ("uploads", upload), ("analyses", analysis))
    with engine.begin() as connection:
        for table, row in rows:
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            text = f"INSERT INTO {table} ({names}) VALUES ({values})"
            connection.execute(sqlalchemy.text(text), row)
    engine.dispose()


def test_a_database_of_the_first_version_is_upgraded_with_its_data(database: str) -> None:
    first(database)
    repository = Repository(open_database(database))
    [analysis] = repository.analyses(limit=10, cursor=None)[0]
    assert (analysis.id, analysis.name, analysis.state) == (ANALYSIS, "first", "done")
    assert (analysis.arrays, analysis.parameters.top_k) == (["points"], 3)
    assert analysis.stages[0].seconds == 2.0
    assert repository.analysis_by_key("key") == (ANALYSIS, "hash")
    assert repository.upload("checkpoint", UPLOAD).size == 12345678901
    # Nobody in particular owns what is older than users: the server's own token sees it.
    assert repository.analyses(limit=10, cursor=None, owner="somebody")[0] == []
    assert repository.claim(OLD, now=2000.0, lease=5.0)
    repository.delete_analysis(ANALYSIS)
    assert repository.delete_upload("checkpoint", UPLOAD) is True
    repository.close()
