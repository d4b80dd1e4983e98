"""An optimiser's state goes the way of the other files: checked, claimed, kept while it is used."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from backend.auth.principal import Principal
from backend.questions.service import question_job
from backend.services import Services
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.slices import SliceRequest
from minimascope.contract.schemas import Analysis
from tests.unit.backend.in_process import api, joined


async def sent(client: httpx.AsyncClient, kind: str, content: bytes, who: dict[str, str]) -> str:
    answer = await client.post(f"/{kind}", content=content, headers=who)
    return str(answer.json()["id"])


async def body(client: httpx.AsyncClient, who: dict[str, str]) -> dict[str, Any]:
    return {
        "checkpoint": await sent(client, "checkpoints", b"weights", who),
        "train": await sent(client, "datasets", b"rows", who),
        "optimizer_state": await sent(client, "checkpoints", b"state", who),
    }


def claimed(service: Services, identifier: str) -> dict[str, Any]:
    claim = service.jobs.repository.claim(identifier, now=time.time(), lease=60.0)
    assert claim
    files: dict[str, Any] = claim.document["files"]
    return files


def test_a_worker_gets_it_and_it_stays_while_the_analysis_is_there(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            asked = await body(client, ann)
            made = (await client.post("/analyses", json=asked, headers=ann)).json()
            assert made["optimizer_state"] == asked["optimizer_state"]
            assert claimed(service, made["id"]) == asked
            place = f"/checkpoints/{asked['optimizer_state']}"
            kept = await client.delete(place, headers=ann)
            assert kept.status_code == 409
            other = {**asked, "optimizer_state": None}
            without = (await client.post("/analyses", json=other, headers=ann)).json()
            assert "optimizer_state" not in claimed(service, without["id"])

    asyncio.run(run())


def test_anothers_state_is_not_there_for_me(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            mine = await body(client, ann)
            theirs = await sent(client, "checkpoints", b"of bob alone", bob)
            for wrong in (theirs, mine["train"], "0" * 64):
                asked = {**mine, "optimizer_state": wrong}
                answer = await client.post("/analyses", json=asked, headers=ann)
                assert answer.status_code == 422
                assert answer.json()["advice"] == "Upload the checkpoint first."

    asyncio.run(run())


def test_questions_about_an_analysis_have_it_too() -> None:
    now = datetime.now(UTC)
    analysis = Analysis(
        id="a" * 32,
        name="",
        state="done",
        stages=[],
        created_at=now,
        checkpoint="c",
        train="t",
        optimizer_state="s",
        parameters=Parameters(),
    )
    question = SliceRequest.model_validate({"plane": "points", "points": [0, 1, 2]})
    job = question_job(analysis, question, {}, Principal("u" * 32, "ann", "write"))
    assert job.document["files"] == {"checkpoint": "c", "train": "t", "optimizer_state": "s"}
