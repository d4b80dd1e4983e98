"""What a user calls a file is text: no path follows from it, and all of it can be seen."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from backend.app import create_app
from backend.services import Services
from minimascope.contract.names import UNSEEN, visible
from minimascope.contract.schemas import AnalysisRequest
from minimascope.contract.settings import Settings
from tests.cases.hostile_names import NAMES
from tests.unit.backend.in_process import api, joined

KNOWN = re.compile(
    r"minimascope\.sqlite(-wal|-shm)?|store/blobs/[0-9a-f]{2}/[0-9a-f]{64}|store/reserve"
    r"|broker/(messages|control)/.+"
)


def test_there_are_sixty_different_names() -> None:
    assert len(set(NAMES)) == 60


@pytest.mark.parametrize("way", ["body", "tus"])
def test_hostile_names_have_no_effect_on_paths_and_come_back_as_text_that_can_be_seen(
    tmp_path: Path, way: str
) -> None:
    folder = tmp_path / "data"
    app = create_app(Settings(data_dir=folder, inspect_wait_seconds=0))
    transport = httpx.ASGITransport(app=app)

    async def stored(client: httpx.AsyncClient, number: int, name: str) -> None:
        content = b"%d" % number
        if way == "body":
            answer = await client.post("/datasets", params={"name": name}, content=content)
            assert answer.json()["name"] == visible(name)
            return
        encoded = base64.b64encode(name.encode()).decode()
        known = f"filename {encoded},kind {base64.b64encode(b'dataset').decode()}"
        headers = {"upload-length": str(len(content)), "upload-metadata": known}
        place = (await client.post("/uploads", headers=headers)).headers["location"]
        kind = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
        answer = await client.patch(place.removeprefix("/api/v1"), content=content, headers=kind)
        assert answer.status_code == 204

    async def run() -> list[str]:
        base = "http://127.0.0.1:1/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            for number, name in enumerate(NAMES):
                await stored(client, number, name)
            page = await client.get("/datasets", params={"limit": 200})
        assert page.headers["content-type"] == "application/json"
        assert page.headers["x-content-type-options"] == "nosniff"
        return [item["name"] for item in page.json()["items"]]

    assert sorted(asyncio.run(run())) == sorted(visible(name) for name in NAMES)
    app.state.services.close()
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = [path.relative_to(folder).as_posix() for path in found]
    assert [name for name in written if not KNOWN.fullmatch(name)] == []
    assert sum(name.startswith("store/blobs/") for name in written) == len(NAMES)


@pytest.mark.parametrize("hidden", ["\0", "\x1b", "\x9b", "\u202e", "\u2028"], ids=ascii)
def test_names_that_people_give_can_be_seen_or_are_refused(tmp_path: Path, hidden: str) -> None:
    name, root = f"a{hidden}b", {"authorization": "Bearer root"}

    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            sha = "c" * 64
            refused = {
                "/users": {"name": name},
                "/me/tokens": {"label": name},
                "/analyses": {
                    "checkpoint": sha,
                    "train": sha,
                    "parameters": {"architecture": {"kind": name}},
                },
                "/plans": {"checkpoint": sha, "train": sha, "parameters": {"trainable": [name]}},
            }
            for path, body in refused.items():
                who = root if path == "/users" else ann
                answer = await client.post(path, json=body, headers=who)
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
                assert hidden not in answer.text
            await client.delete(f"/users/{quote(name)}", headers=root)  # no such one
            async with asyncio.timeout(10):
                while not (entries := _audited(service, "DELETE")):
                    await asyncio.sleep(0.01)
            assert entries == [f"/api/v1/users/{visible(name)}"]

    asyncio.run(run())
    assert AnalysisRequest(name=name, checkpoint="c", train="t").name == visible(name)


def _audited(service: Services, method: str) -> list[str]:
    found = [each.path for each in service.operations.audit(limit=20) if each.method == method]
    assert not any(UNSEEN.search(each) for each in found)
    return found
