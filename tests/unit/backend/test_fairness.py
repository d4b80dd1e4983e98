"""One person's appetite: quota, rate, priority, what waits; an admin sees it and ends it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.jobs import endpoints
from backend.jobs import service as job_service
from backend.jobs.job import NewJob
from backend.uploads import tus_endpoints
from minimascope.contract.code import this_code
from tests.unit.backend.in_process import NOBODYS, analysis, api, joined, user_id

ROOT = {"authorization": "Bearer root"}
TUS = {"tus-resumable": "1.0.0"}
GIB = 1 << 30
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}


async def created(client: httpx.AsyncClient, who: dict[str, str], length: int) -> httpx.Response:
    return await client.post("/uploads", headers={**TUS, **who, "upload-length": str(length)})


def test_announced_bytes_take_room_from_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        settings = {"quota_bytes": 256 * GIB, "person_quota_bytes": 64 * GIB}
        async with api(tmp_path, **settings) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            for _ in range(85):  # as much as would have filled the service for a day
                assert (await created(client, ann, 3 * GIB)).status_code == 201
            assert (await client.post("/datasets", content=b"x", headers=bob)).status_code == 202
            assert (await created(client, bob, 3 * GIB)).status_code == 201
            for _ in range(tus_endpoints.MOST_TRANSFERS - 85):
                assert (await created(client, ann, 10)).status_code == 201
            refused = await created(client, ann, 10)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_transfers")

    asyncio.run(run())


def test_bytes_count_as_they_arrive(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, person_quota_bytes=100) as (client, service):
            ann = joined(service, "ann")
            places = [(await created(client, ann, 60)).headers["location"] for _ in range(2)]
            places = [each.removeprefix("/api/v1") for each in places]
            headers = {**PIECE, **ann, "upload-offset": "0"}
            first = await client.patch(places[0], headers=headers, content=b"a" * 50)
            assert first.status_code == 204
            full = await client.patch(places[1], headers=headers, content=b"b" * 60)
            assert (full.status_code, full.json()["code"]) == (507, "storage_full")
            # Without a length too; and whoever makes room goes on.
            chunked = await client.patch(places[1], headers=headers, content=_slowly(b"b" * 60))
            assert chunked.status_code == 507
            assert (await client.delete(places[0], headers={**TUS, **ann})).status_code == 204
            again = await client.patch(places[1], headers=headers, content=b"b" * 60)
            assert again.status_code == 204

    async def _slowly(content: bytes) -> Any:
        yield content

    asyncio.run(run())


def test_an_admin_sees_who_holds_what_and_ends_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            await client.post("/datasets", content=b"12345", headers=ann)
            for _ in range(3):
                await created(client, ann, 1000)
            hers, his = (await user_id(service, "ann")), (await user_id(service, "bob"))
            mine, theirs = analysis(service, hers), analysis(service, his)
            usage = {
                u["name"]: u for u in (await client.get("/usage", headers=ROOT)).json()["items"]
            }
            held = usage["ann"]
            assert (held["stored_bytes"], held["transfers"], held["queued"]) == (5, 3, 2)
            assert (await client.get("/usage", headers=ann)).status_code == 403
            assert (await client.get("/uploads", headers={**TUS, **bob})).json()["items"] == []
            going = (await client.get("/uploads", headers={**TUS, **ROOT})).json()["items"]
            assert [each["owner"] for each in going] == ["ann"] * 3
            assert (await client.delete("/usage/ann", headers=bob)).status_code == 403
            ended = (await client.delete("/usage/ann", headers=ROOT)).json()
            assert ended == {"transfers": 3, "jobs": 2}
            assert (await client.get(f"/analyses/{mine}", headers=ann)).json()[
                "state"
            ] == "cancelled"
            assert (await client.get(f"/analyses/{theirs}", headers=bob)).json()[
                "state"
            ] == "queued"
            assert (await client.delete("/usage/nobody", headers=ROOT)).status_code == 404

    asyncio.run(run())


def test_priority_high_is_a_right(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            body = {"checkpoint": "c" * 64, "train": "t" * 64, "priority": "high"}
            refused = await client.post("/analyses", json=body, headers=ann)
            assert (refused.status_code, refused.json()["code"]) == (403, "priority_refused")
            given = await client.patch("/users/ann", json={"high_priority": True}, headers=ROOT)
            assert given.json()["limits"]["high_priority"] is True
            missing = await client.post("/analyses", json=body, headers=ann)
            assert missing.json()["code"] == "no_such_checkpoint"
            assert (await client.patch("/users/ann", json={}, headers=ann)).status_code == 403

    asyncio.run(run())


def test_limits_of_one_person(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            limits = {"quota_bytes": 4, "uploads_per_minute": 2}
            await client.patch("/users/ann", json=limits, headers=ROOT)
            answers = [await client.post("/datasets", content=b"12345", headers=ann)]
            answers += [await client.post("/datasets", content=b"123", headers=ann)]
            answers += [await client.post("/datasets", content=b"1", headers=ann)]
            assert [each.status_code for each in answers] == [507, 202, 429]

    asyncio.run(run())


def test_what_waits_of_one_person_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_service, "MOST_WAITING", {False: 3, True: 2})

    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            sha = ""
            for kind in ("checkpoints", "datasets"):
                sha = (await client.post(f"/{kind}", content=b"x", headers=ann)).json()["id"]
            body = {"checkpoint": sha, "train": sha}
            for _ in range(2):
                await client.post("/plans", json=body, headers=ann)
            refused = await client.post("/plans", json=body, headers=ann)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_waiting")

    asyncio.run(run())


def test_with_one_worker_everybody_has_a_turn(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (_, service):
            start = time.time()
            jobs = [NewJob("check", NOBODYS, {"files": {}}, owner="ann") for _ in range(50)]
            jobs += [NewJob("check", NOBODYS, {"files": {}}, owner="bob") for _ in range(2)]
            for place, job in enumerate(jobs):
                service.jobs.repository.add_job(job, now=start + 0.001 * place)
            owners = {job.id: job.owner for job in jobs}
            served = []
            for turn in range(4):
                chosen = service.jobs.workers.choose(jobs[0].id)
                now = start + 1 + turn
                claim = service.jobs.repository.claim(chosen, now=now, lease=60.0)
                assert claim
                service.jobs.repository.finish(chosen, claim.token, "done", now=now, result={})
                served.append(owners[chosen])
            assert served == ["ann", "bob", "ann", "bob"]

    asyncio.run(run())


def test_a_message_whose_job_went_to_a_quicker_worker_takes_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs, two messages at the same time: the second message's worker takes the first job."""

    async def run() -> None:
        async with api(tmp_path) as (_, service):
            first, second = (NewJob("check", NOBODYS, {"files": {}}) for _ in range(2))
            for place, job in enumerate((first, second)):
                service.jobs.repository.add_job(job, now=time.time() + 0.001 * place)
            choose, chosen = service.jobs.workers.choose, list[str]()

            def beaten(identifier: str, **more: Any) -> str:
                found = choose(identifier, **more)
                if not chosen:
                    assert service.jobs.repository.claim(found, now=time.time(), lease=60.0)
                chosen.append(found)
                return found

            monkeypatch.setattr(service.jobs.workers, "choose", beaten)
            taken = endpoints._taken(service.jobs, first.id, this_code())
            assert chosen[:2] == [first.id, second.id]
            assert taken
            assert taken.job == second.id
            # Where nothing is queued there is an end.
            assert endpoints._taken(service.jobs, first.id, this_code()) is None

    asyncio.run(run())


def test_lists_hold_no_parameters_and_requests_are_bounded(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            analysis(service, await user_id(service, "ann"))
            [row] = (await client.get("/analyses", headers=ann)).json()["items"]
            assert "parameters" not in row
            sha = "c" * 64
            for parameters in (
                {"lambdas": [0.1] * 201},
                {"architecture": {"x": "y" * (1 << 20)}},
                {"label": "l" * 201},
            ):
                body = {"checkpoint": sha, "train": sha, "parameters": parameters}
                answer = await client.post("/analyses", json=body, headers=ann)
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")

    asyncio.run(run())
