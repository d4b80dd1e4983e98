"""tus 1.0: an upload in pieces survives a killed server, a wrong piece, a broken connection."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.app import create_app
from backend.uploads.tus_endpoints import expire
from minimascope.contract.settings import Settings
from tests.servers.serve import API, Served

NO_DEMO = {"DEMO_DIR": "/none"}
TUS = {"tus-resumable": "1.0.0"}
TYPE = {"content-type": "application/offset+octet-stream"}


def metadata(**values: str) -> dict[str, str]:
    pairs = [f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in values.items()]
    return {"upload-metadata": ",".join(pairs)}


def checksum(content: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"upload-checksum": f"sha256 {digest}"}


@asynccontextmanager
async def api(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """The API without workers: inspections stay pending."""
    app = create_app(Settings(data_dir=tmp_path, **settings))
    transport = httpx.ASGITransport(app=app)
    url = "http://127.0.0.1:1/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=TUS) as client:
        yield client, app.state.services
    app.state.services.close()


async def created(client: httpx.AsyncClient, length: int, **known: str) -> str:
    headers = {"upload-length": str(length), **metadata(**known)}
    answer = await client.post("/uploads", headers=headers)
    assert answer.status_code == 201
    return answer.headers["location"].removeprefix("/api/v1")


def test_pieces_become_one_upload_named_by_its_sha256(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)

    async def run() -> None:
        async with api(tmp_path) as (client, service):
            place = await created(client, len(content), kind="dataset", filename="Zahlen.npz")
            for start in range(0, len(content), 1_000_000):
                piece = content[start : start + 1_000_000]
                headers = {"upload-offset": str(start), **TYPE, **checksum(piece)}
                answer = await client.patch(place, content=piece, headers=headers)
                assert answer.status_code == 204, answer.text
                assert answer.headers["upload-offset"] == str(start + 1_000_000)
            sha256 = hashlib.sha256(content).hexdigest()
            assert (await client.get(place)).json()["upload"] == sha256
            upload = (await client.get(f"/datasets/{sha256}")).json()
            assert (upload["name"], upload["size"]) == ("Zahlen.npz", len(content))
            assert service.store.blob(sha256).read_bytes() == content
            assert list((tmp_path / "store" / "partial").iterdir()) == []

    asyncio.run(run())


def test_a_piece_that_differs_from_its_checksum_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, _):
            place = await created(client, 10)
            headers = {"upload-offset": "0", **TYPE, **checksum(b"other")}
            answer = await client.patch(place, content=b"12345", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
            head = await client.head(place)
            assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("0", "10")

    asyncio.run(run())


REFUSED = [
    ({"upload-offset": "3", **TYPE}, b"1", 409, "wrong_offset"),
    ({"upload-offset": "0", "content-type": "text/plain"}, b"1", 415, "wrong_content_type"),
    ({"upload-offset": "0", **TYPE, "upload-checksum": "md5 x"}, b"1", 400, "invalid_checksum"),
    ({"upload-offset": "0", **TYPE}, b"12345678901", 413, "too_large"),
    ({**TYPE}, b"1", 422, "invalid_request"),
]


@pytest.mark.parametrize(("headers", "content", "status", "code"), REFUSED)
def test_a_wrong_piece_is_refused(
    tmp_path: Path, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, _):
            place = await created(client, 10)
            answer = await client.patch(place, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)

    asyncio.run(run())


def test_bytes_count_against_the_quota_when_they_have_come(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, max_upload_bytes=100, quota_bytes=150) as (client, _):
            answer = await client.post("/uploads", headers={"upload-length": "101"})
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            place = await created(client, 100)
            headers = {**TYPE, "upload-offset": "0"}
            await client.patch(place, content=b"y" * 99, headers=headers)
            answer = await client.post("/uploads", headers={"upload-length": "52"})
            assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
            answer = await client.post("/checkpoints", content=b"x" * 52)
            assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.delete(place)).status_code == 204
            assert (await client.head(place)).status_code == 404
            await created(client, 52)

    asyncio.run(run())


def test_an_expired_transfer_is_gone_with_its_bytes(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, transfer_seconds=0.0) as (client, service):
            place = await created(client, 10)
            assert (await client.head(place)).status_code == 410
            expire(service.uploads)
            assert (await client.head(place)).status_code == 404
            assert list((tmp_path / "store" / "partial").iterdir()) == []

    asyncio.run(run())


def test_the_server_says_what_it_can_do(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, _):
            headers = (await client.options("/uploads")).headers
            assert headers["tus-version"] == "1.0.0"
            assert set(headers["tus-extension"].split(",")) == {
                *("creation", "checksum", "expiration", "termination")
            }
            assert headers["tus-checksum-algorithm"] == "sha256"

    asyncio.run(run())


def test_an_upload_goes_on_where_a_killed_server_left_it(tmp_path: Path) -> None:
    content = os.urandom(40_000_000)
    with Served(tmp_path, NO_DEMO, program=API, quiet=False) as server:
        url = f"{server.url}/api/v1"
        headers = {**TUS, "upload-length": str(len(content)), **metadata(kind="checkpoint")}
        place = httpx.post(f"{url}/uploads", headers=headers, timeout=60).headers["location"]

        def slowly() -> Iterator[bytes]:
            for start in range(0, len(content), 1_000_000):
                if start == 30_000_000:
                    server.process.kill()
                time.sleep(0.01)
                yield content[start : start + 1_000_000]

        place = place.removeprefix("/api/v1")
        headers = {**TUS, **TYPE, "upload-offset": "0"}
        with pytest.raises(httpx.TransportError):
            httpx.patch(url + place, content=slowly(), headers=headers, timeout=60)
    with Served(tmp_path, NO_DEMO, program=API, quiet=False) as server:
        url = f"{server.url}/api/v1"
        offset = int(httpx.head(url + place, headers=TUS, timeout=60).headers["upload-offset"])
        # Settled every 8 MiB, of 30 MB sent.
        assert 16_000_000 < offset <= 30_000_000
        headers = {**TUS, **TYPE, "upload-offset": str(offset)}
        answer = httpx.patch(url + place, content=content[offset:], headers=headers, timeout=60)
        assert answer.status_code == 204
        sha256 = hashlib.sha256(content).hexdigest()
        assert httpx.get(url + place, timeout=60).json()["upload"] == sha256
        stored = tmp_path / "store" / "blobs" / sha256[:2] / sha256
        assert stored.read_bytes() == content
