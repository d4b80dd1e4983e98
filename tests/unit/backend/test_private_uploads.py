"""The same bytes of two people: neither learns of the other, by word, by time or by cost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from backend.services import Services
from backend.storage.tables import JobRow
from minimascope.contract.schemas import AnalysisRequest
from tests.unit.backend.in_process import api, joined

ROOT = {"authorization": "Bearer root"}


def inspected(service: Services, owner_job: str, summary: dict[str, Any]) -> None:
    """What a worker does with the job of an upload."""
    claim = service.jobs.repository.claim(owner_job, now=time.time(), lease=60.0)
    assert claim
    found = {"format": "npz", "summary": summary, "warnings": []}
    service.jobs.repository.finish(owner_job, claim.token, "done", now=time.time(), result=found)


def waiting(service: Services) -> list[str]:
    with service.jobs.repository.read() as session:
        return [row.id for row in session.query(JobRow).filter(JobRow.state == "queued")]


def test_the_same_bytes_tell_nothing_of_whoever_sent_them_first(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            began = time.time()
            first = await client.post(
                "/datasets", content=b"same", headers=ann, params={"name": "ann's secret.npz"}
            )
            [job] = waiting(service)
            inspected(service, job, {"n": 4})
            await asyncio.sleep(0.05)
            between = time.time()
            fresh = await client.post(
                "/datasets", content=b"other", headers=bob, params={"name": "b.npz"}
            )
            second = await client.post(
                "/datasets", content=b"same", headers=bob, params={"name": "b.npz"}
            )
            # To Bob it is as new as any other file: it is looked into again.
            assert second.status_code == fresh.status_code == 202
            assert second.json()["inspection"] == fresh.json()["inspection"]
            assert len(waiting(service)) == 2
            place = f"/datasets/{first.json()['id']}"
            his = (await client.get(place, headers=bob)).json()
            assert his["name"] == "b.npz"
            assert "ann" not in str(his)
            assert service.uploads.repository.upload("dataset", his["id"]).id == his["id"]
            created = service.uploads.repository.upload("dataset", his["id"], owner=_id(service))
            assert created.created_at.timestamp() >= between > began
            # And what he calls it changes nothing of hers.
            assert (await client.get(place, headers=ann)).json()["name"] == "ann's secret.npz"
            items = (await client.get("/datasets", headers=bob)).json()["items"]
            assert [item["name"] for item in items] == ["b.npz", "b.npz"]
            # An admin sees one row of the same bytes.
            everything = (await client.get("/datasets", headers=ROOT)).json()["items"]
            assert len(everything) == 2

    def _id(service: Services) -> str:
        return next(user.id for user in service.auth.users() if user.name == "bob")

    asyncio.run(run())


def test_room_is_counted_for_each_as_if_nobody_else_had_the_bytes(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, person_quota_bytes=10) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            assert (await client.post("/datasets", content=b"12345678", headers=ann)).is_success
            assert (await client.post("/datasets", content=b"12345678", headers=bob)).is_success
            for who in (ann, bob):
                answer = await client.post("/datasets", content=b"abc", headers=who)
                assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")

    asyncio.run(run())


def test_only_ones_own_results_are_used_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            sha = ""
            for who in (ann, bob):
                for kind in ("checkpoints", "datasets"):
                    sha = (await client.post(f"/{kind}", content=b"x", headers=who)).json()["id"]
            body = AnalysisRequest(checkpoint=sha, train=sha).model_dump(mode="json")
            made = (await client.post("/analyses", json=body, headers=ann)).json()
            claim = service.jobs.repository.claim(made["id"], now=time.time(), lease=60.0)
            assert claim
            path = service.store.report(made["id"])
            path.parent.mkdir(parents=True)
            demo = Path(__file__).parents[3] / "backend/demos/weight-decay/report.json"
            path.write_bytes(demo.read_bytes())
            finish = service.jobs.repository.finish
            finish(made["id"], claim.token, "done", now=time.time())
            again = (await client.post("/analyses", json=body, headers=ann)).json()
            assert (again["state"], made["id"] in again["message"]) == ("done", True)
            assert again["made_by"] == (await _analysis(client, made["id"], ann))["made_by"]
            his = (await client.post("/analyses", json=body, headers=bob)).json()
            assert (his["state"], his["message"]) == ("queued", "")

    async def _analysis(client: Any, identifier: str, who: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = (await client.get(f"/analyses/{identifier}", headers=who)).json()
        return answer

    asyncio.run(run())
