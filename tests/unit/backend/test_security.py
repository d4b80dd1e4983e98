"""Who may listen, and who may ask."""

from __future__ import annotations

import errno
from pathlib import Path

import httpx
import pytest

from backend.app import create_app
from backend.auth.sessions import same
from backend.storage.files import Store
from backend.storage.incoming import full_disk_is_507
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def test_other_machines_are_served_only_with_a_token(tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as refused:
        create_app(Settings(data_dir=tmp_path, host="0.0.0.0"))
    assert refused.value.code == "token_required"


def test_an_empty_secret_equals_nothing() -> None:
    assert not same("", "")
    assert same("a", "a")


async def _statuses(tmp_path: Path, requests: list[tuple[str, dict[str, str]]]) -> list[int]:
    app = create_app(Settings(data_dir=tmp_path, token="secret"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        answers = [(await client.get(path, headers=headers)) for path, headers in requests]
    app.state.services.close()
    return [answer.status_code for answer in answers]


def test_a_token_is_asked_for_everywhere_but_at_liveness(tmp_path: Path) -> None:
    import asyncio

    good = {"authorization": "Bearer secret"}
    requests = [
        ("/api/v1/analyses", {}),
        ("/api/v1/analyses", {"authorization": "Bearer wrong"}),
        ("/api/v1/analyses", good),
        ("/api/v1/analyses", {"cookie": "minimascope_session=secret"}),
        ("/api/v1/internal/blobs/x", good),
        ("/api/v1/health/live", {}),
        ("/page", {}),
    ]
    assert asyncio.run(_statuses(tmp_path, requests)) == [401, 401, 200, 401, 401, 200, 401]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "x" * 64, "AB" * 32, ""])
def test_no_text_but_a_sha256_becomes_a_path(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    for path in (store.blob, store.result):
        with pytest.raises(ProblemError):
            path(name)
    with pytest.raises(ProblemError):
        store.array("ab" * 16, name)


def test_a_full_disk_is_507() -> None:
    with pytest.raises(ProblemError) as refused, full_disk_is_507():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.status == 507


def test_what_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.incoming(limit=4) as incoming:
        incoming.write(b"abcd")
        with pytest.raises(ProblemError, match="larger than the limit"):
            incoming.write(b"e")
    assert [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()] == []
