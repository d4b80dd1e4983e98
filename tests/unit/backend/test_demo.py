"""Shipped analyses are there at the first start, and only once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.analyses.demo import import_demo
from backend.jobs.job import NewJob
from backend.storage.database import open_database
from backend.storage.files import Store
from minimascope.cli import main
from tests.cases.repositories import Repositories

REPORT = {
    "versions": {},
    "seed": 0,
    "dtype": "float64",
    "device": "cpu",
    "wall_seconds": {},
    "checkpoint": {"sha256": "0" * 64, "format": "safetensors", "parameters": 3},
    "data": {"train": {"n": 4, "loss": 0.25, "accuracy": 1.0}, "test": None, "classes": 2},
}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repositories]:
    made = Repositories(open_database(f"sqlite:///{tmp_path / 'db.sqlite'}"))
    yield made
    made.close()


def demo(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    for file in ("checkpoint.safetensors", "train.npz", "test.npz"):
        (folder / name / file).write_bytes(f"{name} {file}".encode())
    (folder / name / "request.json").write_text(
        json.dumps({"notes": "Why it is here.", "parameters": {"top_k": 3}})
    )
    (folder / name / "report.json").write_text(json.dumps(REPORT))
    np.savez(folder / name / "arrays.npz", points=np.zeros((4, 2)), unknown=np.zeros(1))


def test_each_demo_becomes_a_done_analysis_once(repository: Repositories, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for name in ("normal", "shifted"):
        demo(tmp_path / "demo", name)
    (tmp_path / "demo" / "shifted" / "request.json").write_text('{"name": "Poor minimum"}')
    assert import_demo(repository.engine, store, tmp_path / "demo") == 2
    assert import_demo(repository.engine, store, tmp_path / "demo") == 0
    items, _ = repository.analyses.analyses(limit=10, cursor=None)
    assert sorted(item.name for item in items) == ["Poor minimum", "normal"]
    [normal] = [item for item in items if item.name == "normal"]
    assert (normal.state, normal.arrays) == ("done", ["points"])
    assert normal.notes == "Why it is here."
    assert repository.analyses.analysis(normal.id).parameters.top_k == 3
    assert {stage.state for stage in normal.stages} == {"done"}
    assert np.load(store.array(normal.id, "points")).shape == (4, 2)
    upload = repository.uploads.upload("checkpoint", normal.checkpoint)
    assert upload.inspection.state == "ok"
    # Whoever drops the shipped file is told what is in it: nobody has looked yet.
    job = NewJob("inspect_checkpoint", upload.id, {"files": {"checkpoint": upload.id}})
    assert repository.uploads.add_upload(upload, job, now=1.0) == job.id
    assert import_demo(repository.engine, store, tmp_path / "demo") == 0


def test_a_broken_demo_does_not_stop_the_service(repository: Repositories, tmp_path: Path) -> None:
    demo(tmp_path / "demo", "broken")
    (tmp_path / "demo" / "broken" / "report.json").write_text("{}")
    assert import_demo(repository.engine, Store(tmp_path / "store"), tmp_path / "demo") == 0
    assert import_demo(repository.engine, Store(tmp_path / "store"), tmp_path / "none") == 0


def test_the_demo_command_loads_what_is_missing_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MINIMASCOPE_DEMO_DIR", str(tmp_path / "demo"))
    assert main(["demo"]) == 2
    demo(tmp_path / "demo", "one")
    assert main(["demo"]) == 0
    first = capsys.readouterr().out.split()
    demo(tmp_path / "demo", "two")
    assert main(["demo"]) == 0
    both = capsys.readouterr().out.split()
    assert (len(first), len(both)) == (1, 2)
    assert set(first) < set(both)
