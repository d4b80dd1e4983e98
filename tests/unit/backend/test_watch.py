"""What is wrong is said the same way to probes, pages, metrics and doctor."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from backend.operations import diagnosis, watch
from backend.operations.metrics import SHIPPED
from backend.services import Services
from minimascope.contract.code import this_code
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import transport
from tests.unit.backend.in_process import analysis, api, joined

ROOT = {"authorization": "Bearer root"}
DISK = shutil._ntuple_diskusage


def heard(service: Services, name: str, queues: list[str], **versions: str) -> None:
    code = this_code()
    known = {"minimascope": code.version, "estimators": code.estimators, "build": code.build}
    report = {"queues": queues, "device": "cpu", "versions": {**known, **versions}}
    service.jobs.workers.worker_seen(name, report, now=time.time())


async def ready(client: Any, headers: dict[str, str] = ROOT) -> tuple[int, dict[str, Any]]:
    answer = await client.get("/health/ready", headers=headers)
    return answer.status_code, answer.json()


def test_a_service_without_workers_for_analyses_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            heard(service, "w-1", ["inspections"])
            status, said = await ready(client)
            assert (status, said["status"]) == (200, "degraded")
            assert said["checks"]["inspections_worker"]["ok"]
            wanted = said["checks"]["analyses_worker"]
            assert not wanted["ok"]
            assert wanted["sentence"] == "There is no worker for analyses: analyses wait."
            heard(service, "w-2", ["analyses"])
            assert (await ready(client))[1]["status"] == "ok"

    asyncio.run(run())


def test_workers_of_another_version_are_named_and_do_not_count(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            heard(service, "old-1", ["inspections", "analyses"], estimators="0")
            _, said = await ready(client)
            assert not said["checks"]["versions"]["ok"]
            assert "old-1" in said["checks"]["versions"]["sentence"]
            assert not said["checks"]["analyses_worker"]["ok"]

    asyncio.run(run())


def test_a_broker_away_and_a_disk_nearly_full_are_told_and_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> int:
        raise ConnectionError("no broker")

    async def run() -> None:
        async with api(tmp_path) as (client, service):
            heard(service, "w", ["inspections", "analyses"])
            monkeypatch.setattr(transport, "waiting", away)
            monkeypatch.setattr(watch.shutil, "disk_usage", lambda _: DISK(1 << 40, 0, 1 << 30))
            status, said = await ready(client)
            assert (status, said["status"]) == (200, "degraded")
            wrong = {name for name, check in said["checks"].items() if not check["ok"]}
            assert wrong == {"broker", "disk"}
            assert "1.0 GiB" in said["checks"]["disk"]["sentence"]

    asyncio.run(run())


def test_probes_need_no_secret_and_learn_no_names(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            heard(service, "host-1-42", ["analyses"])
            for headers in ({}, {"authorization": "Bearer wrong"}):
                status, said = await ready(client, headers)
                assert status == 200
                assert set(said) == {"status", "checks"}
                assert all(set(check) == {"ok"} for check in said["checks"].values())
            ann = joined(service, "ann", "read")
            assert (await ready(client, ann))[1]["workers"][0]["id"] == "host-1-42"
            assert (await client.get("/analyses")).status_code == 401
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(service.operations, "answers", lambda: 1 / 0)
                assert (await ready(client, {}))[0] == 503

    asyncio.run(run())


def test_alerts_and_dashboard_ask_for_figures_that_are_there(tmp_path: Path) -> None:
    async def run() -> str:
        async with api(tmp_path) as (client, service):
            service.jobs.metrics.lost(1)
            analysis(service, "")
            return (await client.get("/metrics", headers=ROOT)).text

    text = asyncio.run(run())
    families = list(text_string_to_metric_families(text))
    known = {sample.name for family in families for sample in family.samples}
    known |= {f"{family.name}_total" for family in families if family.type == "counter"}
    known |= {f"{f.name}_bucket" for f in families if f.type == "histogram"}
    checks = {
        sample.labels["check"]
        for family in families
        for sample in family.samples
        if sample.name == "minimascope_ok"
    }
    rules = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((SHIPPED / "dashboard.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for expr in asked for name in re.findall(r"minimascope_\w+", expr)}
    assert named <= known, named - known
    for expr in asked:
        for check in re.findall(r'check="(\w+)"', expr):
            assert check in checks
    for wanted in ("database", "store", "disk", "broker", "analyses_worker", "versions"):
        assert wanted in checks


def test_doctor_names_what_is_wrong_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    assert "made at the first start" in diagnosis.database(settings)
    assert not list((tmp_path / "new").glob("*.sqlite"))

    async def run() -> None:
        async with api(tmp_path) as (_, service):
            there = Settings(data_dir=tmp_path)
            assert "analyses" in diagnosis.database(there)
            heard(service, "w", ["inspections"])
            with pytest.raises(ProblemError, match="no worker for analyses"):
                diagnosis.workers(there)
            heard(service, "w", ["inspections", "analyses"])
            assert "1 for analyses" in diagnosis.workers(there)

    asyncio.run(run())
    monkeypatch.setattr(watch.shutil, "disk_usage", lambda _: DISK(1 << 40, 0, 1 << 30))
    with pytest.raises(ProblemError, match="nearly full"):
        diagnosis.store(Settings(data_dir=tmp_path))
