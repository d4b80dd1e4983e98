"""What is forgotten and what stays, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.auth.principal import EVERYONE
from backend.jobs.job import NewJob
from backend.retention.service import DAY, Sweep, forget
from backend.storage.database import open_database
from backend.storage.files import Store
from minimascope.cli import main
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest, Inspection, Upload, UploadKind
from minimascope.contract.settings import Settings
from tests.cases.repositories import Repositories

TRAIN = "t" * 64


@pytest.fixture
def repository(database: str) -> Iterator[Repositories]:
    made = Repositories(open_database(database))
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def uploaded(
    repository: Repositories, store: Store, kind: UploadKind, sha: str, *, days: float, owner: str
) -> None:
    ready = Inspection(state="ok")
    at = time.time() - days * DAY
    upload = Upload(id=sha, kind=kind, name="n", size=3, created_at=0, inspection=ready)
    repository.uploads.add_upload(upload, None, now=at, owner=owner)
    write(store.blob(sha), 3)


def ended(
    repository: Repositories, store: Store, number: int, *, days: float, owner: str = "ann"
) -> str:
    """A done analysis of its own checkpoint, with 100 bytes of results."""
    at = time.time() - days * DAY
    checkpoint = f"{number:064x}"
    uploaded(repository, store, "checkpoint", checkpoint, days=days, owner=owner)
    job = NewJob("analysis", checkpoint, {"files": {}}, id=f"{number:032x}", owner=owner)
    request = AnalysisRequest(name=str(number), checkpoint=checkpoint, train=TRAIN)
    repository.analyses.import_done(request, job, ["points"], now=at)
    write(store.report(job.id), 60)
    write(store.array(job.id, "points"), 40)
    return job.id


def swept(
    repository: Repositories, store: Store, *, rehearse: bool = False, **keep: float
) -> Sweep:
    return forget(repository.engine, store, Settings(**keep), rehearse=rehearse)


def here(repository: Repositories) -> set[str]:
    return {item.id for item in repository.analyses.analyses(limit=100, cursor=None)[0]}


def test_the_old_goes_with_its_results_and_files_and_leaves_an_audit_entry(
    repository: Repositories, store: Store
) -> None:
    old = ended(repository, store, 1, days=31)
    young = ended(repository, store, 2, days=29)
    assert swept(repository, store).analyses == []  # for ever, unless told otherwise
    rehearsed = swept(repository, store, keep_days=30, rehearse=True)
    assert here(repository) == {old, young}
    done = swept(repository, store, keep_days=30)
    assert done.analyses == rehearsed.analyses == [old]
    assert done.uploads == rehearsed.uploads == [("checkpoint", f"{1:064x}")]
    assert done.freed == rehearsed.freed == 100
    assert here(repository) == {young}
    assert not store.result(old).exists()
    assert not store.blob(f"{1:064x}").exists()
    assert store.report(young).exists()
    assert store.blob(f"{2:064x}").exists()
    entries = [
        (entry.user, entry.method, entry.path) for entry in repository.operations.audit(limit=9)
    ]
    assert entries == [
        ("retention", "DELETE", f"/api/v1/checkpoints/{1:064x}"),
        ("retention", "DELETE", f"/api/v1/analyses/{old}"),
    ]
    assert swept(repository, store, keep_days=30).analyses == []


def test_what_is_pinned_shared_shipped_or_not_ended_stays(
    repository: Repositories, store: Store
) -> None:
    pinned, shared = (ended(repository, store, n, days=99) for n in (1, 2))
    shipped = ended(repository, store, 3, days=99, owner=EVERYONE)
    retried = ended(repository, store, 4, days=99)
    repository.retention.pin(pinned, pinned=True)
    repository.auth.share(shared, "key")
    long_ago = time.time() - 99 * DAY
    job = NewJob("analysis", "5" * 64, {}, id="5" * 32)
    request = AnalysisRequest(name="5", checkpoint="5" * 64, train=TRAIN)
    repository.analyses.add_analysis(request, job, now=long_ago)
    assert repository.analyses.analysis(pinned).pinned
    done = swept(repository, store, keep_days=1, keep_bytes=1)
    assert done.analyses == [retried]
    assert here(repository) == {pinned, shared, shipped, job.id}
    repository.retention.pin(pinned, pinned=False)
    assert swept(repository, store, keep_days=1).analyses == [pinned]


def test_a_decision_is_made_again_in_the_transaction_that_removes(
    repository: Repositories, store: Store
) -> None:
    made = ended(repository, store, 1, days=99)
    repository.retention.pin(made, pinned=True)  # after a sweep has listed it
    assert not repository.retention.dispose_analysis(made, ended_before=time.time())
    repository.retention.pin(made, pinned=False)
    assert repository.retention.dispose_analysis(made, ended_before=time.time())
    # Somebody submits it just now.
    repository.uploads.uploads_used([f"{1:064x}"], owner="", now=time.time())
    before = time.time() - DAY
    one = ("checkpoint", f"{1:064x}", "")
    assert repository.retention.dispose_upload(*one, unused_since=before) is None
    assert repository.uploads.upload("checkpoint", f"{1:064x}").size == 3


def test_beyond_the_bytes_the_oldest_go_first(repository: Repositories, store: Store) -> None:
    made = [ended(repository, store, n, days=10 - n) for n in range(1, 5)]
    assert swept(repository, store, keep_bytes=400).analyses == []
    assert swept(repository, store, keep_bytes=399).analyses == made[:1]
    assert swept(repository, store, keep_bytes=150).analyses == made[1:3]
    # By size only analyses go: their files may be wanted again.
    assert repository.uploads.upload("checkpoint", f"{1:064x}").size == 3


def test_the_same_bytes_in_two_analyses_are_counted_once(
    repository: Repositories, store: Store
) -> None:
    first = ended(repository, store, 1, days=2)
    store.link_result("c" * 32, first)
    assert sum(store.result_bytes().values()) == 100


def test_the_bytes_of_an_upload_stay_while_another_kind_has_them(
    repository: Repositories, store: Store
) -> None:
    for kind, days in (("checkpoint", 99), ("dataset", 1)):
        uploaded(repository, store, kind, "e" * 64, days=days, owner="ann")
    assert swept(repository, store, keep_days=30).uploads == [("checkpoint", "e" * 64)]
    assert store.blob("e" * 64).exists()
    assert repository.uploads.upload("dataset", "e" * 64).size == 3


def test_the_command_says_what_it_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path))
    kept = Repositories(open_database(f"sqlite:///{tmp_path / 'minimascope.sqlite'}"))
    old = ended(kept, Store(tmp_path / "store"), 1, days=31)
    assert main(["forget"]) == 2
    assert "Everything is kept" in capsys.readouterr().err
    assert main(["forget", "--days", "30", "--rehearse"]) == 0
    lines = [f"analysis {old}", f"checkpoint {1:064x}"]
    words = "1 analyses (100 bytes) and 1 uploads"
    assert capsys.readouterr().out.splitlines() == [*lines, f"{words} would go"]
    assert main(["forget", "--days", "30"]) == 0
    assert capsys.readouterr().out.splitlines() == [*lines, f"{words} removed"]
    with pytest.raises(ProblemError):
        kept.analyses.analysis(old)
    kept.close()
