"""What /metrics says after an analysis has ended; when a worker starts again."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.analyses.demo import SHIPPED
from backend.jobs.job import Progress
from minimascope.contract.code import this_code
from tests.unit.backend.in_process import analysis, api


def figures(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, tuple(each.labels.values())): each.value for each in samples}


def test_an_ended_analysis_counts_with_its_stages_its_wait_and_its_products(tmp_path: Path) -> None:
    demo = next(SHIPPED.glob("*/report.json")).read_text()
    plan = json.loads(demo)["spectrum"]["plan"]

    async def run() -> str:
        async with api(tmp_path) as (client, service):
            job = analysis(service, "")
            claim = service.jobs.repository.claim(job, now=time.time() + 5.0, lease=60.0)
            assert claim
            done = Progress(1.0, "", {"spectrum": {"state": "done", "seconds": 2.5}})
            service.jobs.repository.heartbeat(job, claim.token, done, now=time.time(), lease=60.0)
            fence = {"authorization": "Bearer w", "x-fencing-token": claim.token}
            path = f"/internal/jobs/{job}"
            put = await client.put(f"{path}/report", content=demo, headers=fence)
            assert put.status_code == 204, put.text
            end = await client.post(f"{path}/finish", json={"state": "done"}, headers=fence)
            assert end.status_code == 204, end.text
            root = {"authorization": "Bearer root"}
            return (await client.get("/metrics", headers=root)).text

    found = figures(asyncio.run(run()))
    assert found["minimascope_jobs", ("analysis", "done")] == 1.0
    assert found["minimascope_jobs_ended_total", ("", "analysis", "done")] == 1.0
    assert found["minimascope_stage_seconds_sum", ("spectrum",)] == 2.5
    assert 5.0 <= found["minimascope_queue_wait_seconds_sum", ("analysis",)] < 6.0
    assert found["minimascope_queue_age_seconds", ()] == 0.0
    rate = plan["actual_products"] / plan["actual_seconds"]
    assert abs(found["minimascope_products_per_second_sum", ()] - rate) < 1e-9 * rate


OURS, ANOTHERS = (this_code().version, this_code().estimators), (this_code().version, "0")


@pytest.mark.parametrize(
    ("broker", "version", "restarts"),
    [("folder", OURS, True), ("away", OURS, False), ("folder", ANOTHERS, False)],
)
def test_an_idle_worker_starts_again_only_where_that_may_help(
    tmp_path: Path, broker: str, version: tuple[str, str], restarts: bool
) -> None:
    """Not while the broker is away, and not one of another version, which gets nothing anyway."""
    address = {"folder": "", "away": "redis://127.0.0.1:9/0"}[broker]

    async def run() -> bool:
        async with api(tmp_path, broker_url=address) as (client, service):
            job = analysis(service, "")
            service.jobs.repository.mark_sent([job], now=time.time() - 100)
            report = {"queues": ["analyses"], "device": "cpu", "idle_seconds": 99.0}
            report["versions"] = dict(zip(("minimascope", "estimators"), version, strict=True))
            worker = {"authorization": "Bearer w"}
            answer = await client.put("/internal/workers/w", json=report, headers=worker)
            return bool(answer.json()["restart"])

    assert asyncio.run(run()) is restarts
