"""Reports computed elsewhere: taken with their version, shown as such, never mixed into caches."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.analyses.demo import SHIPPED
from backend.analyses.submission import content_hash
from minimascope.client.packed import MOST_UNPACKED, packed
from minimascope.contract.code import this_code
from minimascope.contract.report import Report
from minimascope.contract.report.tracked import Tracked
from minimascope.contract.schemas import AnalysisRequest
from tests.unit.backend.in_process import api, joined

DEMO = SHIPPED / "weak-decay"


def report() -> Report:
    return Report.model_validate_json((DEMO / "report.json").read_text())


def arrays() -> dict[str, np.ndarray]:
    with np.load(DEMO / "arrays.npz") as held:
        return {name: held[name] for name in held.files if name != "eigenvectors"}


def tracked(step: int) -> Report:
    found = Tracked(step=step, examples=64, total=640, lr=0.1, sharpness=19.0, limit=20.0)
    return report().model_copy(update={"tracked": found})


def published(tmp_path: Path, content: bytes, **query: Any) -> Any:
    async def asked() -> Any:
        async with api(tmp_path) as (client, service):
            headers = joined(service, "ann")
            return await client.post("/reports", content=content, params=query, headers=headers)

    return asyncio.run(asked())


def test_a_published_report_is_what_was_sent_and_says_who_computed_it(tmp_path: Path) -> None:
    content = packed(report(), arrays())

    async def journey() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            sent = await client.post(
                "/reports", content=content, params={"name": "mine"}, headers=ann
            )
            assert sent.status_code == 201, sent.text
            head = sent.json()
            assert head["elsewhere"] is True
            assert head["state"] == "done"
            assert head["checkpoint"] == head["train"] == ""
            assert head["made_by"]["version"] == report().versions["minimascope"]
            place = f"/analyses/{head['id']}"
            found = await client.get(f"{place}/report", headers=ann)
            assert Report.model_validate_json(found.content) == report()
            npz = await client.get(f"{place}/arrays.npz", headers=ann)
            with np.load(io.BytesIO(npz.content)) as held:
                assert set(held.files) == set(arrays())
                for name, each in arrays().items():
                    np.testing.assert_array_equal(held[name], each)
            # Somebody else's does not exist for bob; nothing can be asked of absent weights.
            assert (await client.get(place, headers=bob)).status_code == 404
            plane = await client.post(f"{place}/slices", json={"plane": "input"}, headers=ann)
            assert plane.json()["code"] == "computed_elsewhere", plane.text
            # It counts towards its owner's quota, and to nobody else's.
            people = {user.name: user.id for user in service.auth.users()}
            room = {
                name: service.uploads.transfers.room(id, quota=10**9, own_quota=10**9)
                for name, id in people.items()
            }
            assert room["ann"] == 10**9 - len(content)
            assert (await client.delete(place, headers=ann)).status_code == 204

    asyncio.run(journey())


def test_it_is_never_the_answer_to_files_and_parameters(tmp_path: Path) -> None:
    async def journey() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            sent = await client.post("/reports", content=packed(report(), {}), headers=ann)
            whose = service.jobs.repository
            assert whose.has_job(sent.json()["id"])
            request = AnalysisRequest(checkpoint="", train="")
            for content in (content_hash(request), ""):
                owner = next(user.id for user in service.auth.users())
                found = service.analyses.repository.done_with_content(
                    content, owner=owner, release=this_code().release
                )
                assert content == "" or found is None
            # No request has an empty content hash: the only value that a published one has.
            assert content_hash(request)

    asyncio.run(journey())


def test_the_same_key_publishes_once(tmp_path: Path) -> None:
    async def journey() -> None:
        async with api(tmp_path) as (client, service):
            ann = {**joined(service, "ann"), "idempotency-key": "k"}
            first = await client.post("/reports", content=packed(report(), {}), headers=ann)
            again = await client.post("/reports", content=packed(report(), {}), headers=ann)
            other = await client.post("/reports", content=packed(tracked(1), {}), headers=ann)
            assert first.json()["id"] == again.json()["id"]
            assert other.json()["code"] == "idempotency_key_reused"

    asyncio.run(journey())


def _zip(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return held.getvalue()


def _npy(array: np.ndarray, *, pickle: bool = False) -> bytes:
    held = io.BytesIO()
    np.save(held, array, allow_pickle=pickle)
    return held.getvalue()


def _text(document: dict[str, Any]) -> bytes:
    return _npy(np.frombuffer(json.dumps(document).encode(), dtype=np.uint8))


WRONG = {
    "no zip": (b"hello", "not_a_report"),
    "empty": (b"", "empty_file"),
    "no report": (_zip(labels__npy=_npy(np.zeros(3))), "not_a_report"),
    "report of another schema": (_zip(report__json__npy=_text({"a": 1})), "invalid_report"),
    "report with more in it": (
        _zip(report__json__npy=_text({**report().model_dump(mode="json"), "x": 1})),
        "invalid_report",
    ),
    "an unknown array": (packed(report(), {"secrets": np.zeros(2)}), "invalid_array"),
    "an array of another shape": (
        packed(report(), {"labels": np.zeros((2, 2))}),
        "invalid_array",
    ),
    "arrays of different n": (
        packed(report(), {"labels": np.zeros(2), "predictions": np.zeros(3)}),
        "invalid_array",
    ),
    "a pickle": (
        _zip(
            report__json__npy=_text(json.loads((DEMO / "report.json").read_text())),
            labels__npy=_npy(np.array([{}], dtype=object), pickle=True),
        ),
        "invalid_array",
    ),
    "a bomb": (
        _zip(labels__npy=b"\0" * (MOST_UNPACKED + 1)),
        "too_large",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_report_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    content, code = WRONG[name]
    answer = published(tmp_path, content)
    assert answer.json()["code"] == code, answer.text
    assert answer.json()["sentence"].endswith(".")


def test_a_step_needs_its_run(tmp_path: Path) -> None:
    answer = published(tmp_path, packed(report(), {}), step=3)
    assert answer.status_code == 422
    assert "run and step" in answer.json()["sentence"]


@pytest.mark.parametrize("name", ["a/b", "../x", "", "<b>", "a\nb"])
def test_a_run_has_a_name_for_addresses(name: str, tmp_path: Path) -> None:
    answer = published(tmp_path, packed(report(), {}), run=name, step=1)
    assert answer.status_code == 422


def test_reports_of_one_run_are_its_points(tmp_path: Path) -> None:
    async def journey() -> None:
        async with api(tmp_path) as (client, service):
            ann, bob = joined(service, "ann"), joined(service, "bob")
            for step in (30, 10, 20):
                content = packed(tracked(step), arrays())
                query = {"run": "wd 1e-3", "step": step}
                await client.post("/reports", content=content, params=query, headers=ann)
            latest = tracked(10).model_copy(
                update={"tracked": Tracked(step=10, examples=64, total=640, sharpness=7.0)}
            )
            await client.post(
                "/reports",
                content=packed(latest, {}),
                params={"run": "wd 1e-3", "step": 10},
                headers=ann,
            )
            listed = (await client.get("/runs", headers=ann)).json()["items"]
            assert [(each["name"], each["reports"]) for each in listed] == [("wd 1e-3", 3)]
            found = (await client.get("/runs/wd 1e-3", headers=ann)).json()
            assert [each["step"] for each in found["points"]] == [10, 20, 30]
            assert [each["sharpness"] for each in found["points"]] == [7.0, 19.0, 19.0]
            assert found["points"][1]["limit"] == 20.0
            assert found["points"][1]["elsewhere"] is True
            assert "slice_class" in found["points"][1]["arrays"]
            assert (found["first_step"], found["last_step"]) == (10, 30)
            # Another person's run of this name is another run.
            assert (await client.get("/runs/wd 1e-3", headers=bob)).status_code == 404
            assert (await client.get("/runs", headers=bob)).json()["items"] == []

    asyncio.run(journey())


def test_a_list_of_runs_goes_on_where_it_ended(tmp_path: Path) -> None:
    async def journey() -> None:
        async with api(tmp_path) as (client, service):
            ann = joined(service, "ann")
            for place in range(5):
                query = {"run": f"run {place}", "step": 1}
                await client.post(
                    "/reports", content=packed(report(), {}), params=query, headers=ann
                )
                time.sleep(0.01)
            names: list[str] = []
            cursor: dict[str, Any] = {}
            while True:
                page = (
                    await client.get("/runs", params={"limit": 2, **cursor}, headers=ann)
                ).json()
                names += [each["name"] for each in page["items"]]
                if not page["next"]:
                    break
                cursor = {"cursor": page["next"]}
            assert names == [f"run {place}" for place in (4, 3, 2, 1, 0)]

    asyncio.run(journey())
