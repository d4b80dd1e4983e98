"""The store with a bucket behind it, on a real S3-compatible server (moto's)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.storage.files import Store
from minimascope.contract.problems import ProblemError
from tests.servers.processes import free_port
from tests.servers.s3_server import s3_server

SHA, ANALYSIS, OTHER = "ab" * 32, "cd" * 16, "ef" * 16


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3_server("kept") as environment:
        yield environment


@pytest.fixture
def credentials(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def url(credentials: None, request: pytest.FixtureRequest) -> str:
    """A place of its own in the bucket."""
    return f"s3://kept/{request.node.name}"


def keep(store: Store, path: Path, content: bytes) -> None:
    with store.incoming(limit=len(content)) as incoming:
        incoming.write(content)
        incoming.keep(path)


def test_another_disk_finds_what_this_one_kept(url: str, tmp_path: Path) -> None:
    one, two = Store(tmp_path / "one", url), Store(tmp_path / "two", url)
    content = os.urandom(9 << 20)  # larger than one part of a multipart upload
    keep(one, one.blob(SHA), content)
    assert two.have(two.blob(SHA)).read_bytes() == content
    with pytest.raises(FileNotFoundError):
        two.have(two.blob("00" * 32))
    one.delete_blob(SHA)
    with pytest.raises(FileNotFoundError):
        one.have(one.blob(SHA))


def test_a_report_that_changed_elsewhere_is_fetched_again(url: str, tmp_path: Path) -> None:
    one, two = Store(tmp_path / "one", url), Store(tmp_path / "two", url)
    for stage in (b"first", b"second"):
        keep(one, one.report(ANALYSIS), stage)
        assert two.have(two.report(ANALYSIS)).read_bytes() == stage
        assert two.have(two.report(ANALYSIS)).read_bytes() == stage


def test_a_shared_result_outlives_its_first_owner(url: str, tmp_path: Path) -> None:
    one, two = Store(tmp_path / "one", url), Store(tmp_path / "two", url)
    keep(one, one.report(ANALYSIS), b"report")
    keep(one, one.array(ANALYSIS, "points"), b"points")
    two.link_result(OTHER, ANALYSIS)
    one.delete_result(ANALYSIS)
    with pytest.raises(FileNotFoundError):
        one.have(one.report(ANALYSIS))
    assert one.have(one.report(OTHER)).read_bytes() == b"report"
    assert one.have(one.array(OTHER, "points")).read_bytes() == b"points"


def test_the_cache_is_freed_and_filled_again(url: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "one", url)
    keep(store, store.blob(SHA), b"content")
    store.forget_cached(unused_since=time.time() + 1)
    assert not store.blob(SHA).exists()
    assert store.have(store.blob(SHA)).read_bytes() == b"content"


def test_a_bucket_that_does_not_answer_is_503_and_keeps_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    store = Store(tmp_path / "one", url)
    with pytest.raises(ProblemError) as refused:
        keep(store, store.blob(SHA), b"content")
    assert (refused.value.code, refused.value.status) == ("store_unavailable", 503)
    assert not store.blob(SHA).exists()
