"""Workers keep a child ready while somebody is there; probes, scrapers and workers are nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backend.http.visits import Visits
from tests.unit.backend.in_process import api

ROOT = {"authorization": "Bearer root"}
WORKER = {"authorization": "Bearer w"}
REPORT = {"queues": ["analyses"], "device": "cpu"}


def test_a_service_that_nobody_uses_rests_and_wakes_with_a_request(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path, rest_seconds=50.0) as (client, service):
            visits, now = service.jobs.visits, 1000.0
            visits._clock = lambda: now

            async def awake() -> bool:
                answer = await client.put("/internal/workers/w", json=REPORT, headers=WORKER)
                asked = await client.get("/internal/workers/awake", headers=WORKER)
                assert asked.json() == {"awake": answer.json()["awake"]}
                return bool(answer.json()["awake"])

            visits.note("/")
            assert await awake()
            now += 60
            for path in ("/health/live", "/health/ready", "/metrics"):
                await client.get(path, headers=ROOT)
            assert (await client.get("/analyses")).status_code == 401  # a stranger
            assert not await awake()
            await client.get("/analyses", headers=ROOT)
            assert await awake()

    asyncio.run(run())


def test_whoever_looks_for_a_file_is_waited_for_longer_than_a_reader() -> None:
    now = 0.0
    visits = Visits(lambda: now)
    now = 44.0
    assert visits.within(600.0)  # the start was a visit of a reader
    now = 46.0
    assert not visits.within(600.0)
    visits.note("/upload")
    now += 599.0
    assert visits.within(600.0)
    now += 2.0
    assert not visits.within(600.0)
    visits.note("/api/v1/uploads", "POST")
    now += 300.0
    assert visits.within(600.0)
    assert not visits.within(299.0)
