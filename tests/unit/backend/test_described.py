"""What a person says of an analysis: changed by its owner, kept, removed with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from minimascope.contract.schemas import AnalysisRequest
from tests.unit.backend.in_process import api, joined


def test_name_notes_tags_and_project_change_and_the_rest_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            place = await submitted(client, ann)
            said = {"name": "wide", "tags": ["seed 1", "best"], "project": "sweep"}
            changed = (await client.patch(place, json=said, headers=ann)).json()
            assert {key: changed[key] for key in said} == said
            noted = (await client.patch(place, json={"notes": "look again"}, headers=ann)).json()
            assert (noted["notes"], noted["name"]) == ("look again", "wide")
            [listed] = (await client.get("/analyses", headers=ann)).json()["items"]
            assert listed["tags"] == ["seed 1", "best"]
            cleared = (await client.patch(place, json={"tags": []}, headers=ann)).json()
            assert (cleared["tags"], cleared["project"]) == ([], "sweep")

    asyncio.run(run())


def test_nobody_else_may_change_it_and_bad_values_are_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (client, service):
            ann, ben = joined(service, "ann"), joined(service, "ben")
            reader = joined(service, "eve", "read")
            place = await submitted(client, ann)
            for who, status in ((ben, 404), (reader, 403), ({}, 401)):
                answer = await client.patch(place, json={"name": "mine"}, headers=who)
                assert answer.status_code == status
            for bad in ({"tags": ["a,b"]}, {"tags": [""]}, {"name": "x" * 201}, {"state": "done"}):
                assert (await client.patch(place, json=bad, headers=ann)).status_code == 422
            assert (await client.get(place, headers=ann)).json()["name"] == "first"

    asyncio.run(run())


async def submitted(client: Any, who: dict[str, str]) -> str:
    """The address of a new analysis."""
    files = {}
    for role, kind, content in (("checkpoint", "checkpoints", b"w"), ("train", "datasets", b"r")):
        answer = await client.post(f"/{kind}", content=content, headers=who)
        files[role] = answer.json()["id"]
    request = AnalysisRequest.model_validate({"name": "first", **files})
    made = await client.post("/analyses", json=request.model_dump(mode="json"), headers=who)
    return f"/analyses/{made.json()['id']}"
