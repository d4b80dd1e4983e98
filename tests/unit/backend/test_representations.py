"""What a stored result looks like outside: forms, ETags, gzip."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.analyses.demo import SHIPPED, load_demo
from backend.app import create_app
from backend.http import representations
from minimascope.contract.settings import Settings

ANY, JSON = "*/*", "application/json"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    made = create_app(settings)
    load_demo(made.state.services.engine, made.state.services.store, SHIPPED)
    yield made
    made.state.services.close()


def asked(app: Any, *requests: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        base = "http://127.0.0.1:1/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return [await client.get(path, headers=headers) for path, headers in requests]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def demo(app: Any) -> dict[str, Any]:
    [page] = asked(app, ("/analyses", {}))
    return dict(page.json()["items"][0])


def forms(demo: dict[str, Any]) -> list[tuple[str, str]]:
    place = f"/analyses/{demo['id']}"
    return [
        (f"{place}/report", ANY),
        (f"{place}/arrays/points", ANY),
        (f"{place}/arrays/points", JSON),
        (f"{place}/arrays.npz", ANY),
        (f"/compare?ids={demo['id']}", ANY),
    ]


def test_every_form_of_a_result_is_304_to_whoever_has_it(app: Any, demo: dict[str, Any]) -> None:
    tags = []
    for path, accept in forms(demo):
        [first] = asked(app, (path, {"accept": accept}))
        assert first.status_code == 200
        assert "Accept" in first.headers["vary"]
        tag = first.headers["etag"]
        tags.append(tag)
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            [again] = asked(app, (path, {"accept": accept, "if-none-match": known}))
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert (
                again.headers["cache-control"]
                == first.headers["cache-control"]
                == "private, no-cache"
            )
            assert again.headers["vary"] == "Accept, Accept-Encoding"
        [other] = asked(app, (path, {"accept": accept, "if-none-match": tag[:-2] + '"'}))
        assert other.status_code == 200
    # No form is taken for another one of the same array.
    assert len(set(tags)) == len(tags)


def test_text_travels_as_gzip_under_the_same_tag(app: Any, demo: dict[str, Any]) -> None:
    for path, accept in forms(demo):
        plain, packed = asked(
            app,
            (path, {"accept": accept, "accept-encoding": "identity"}),
            (path, {"accept": accept, "accept-encoding": "gzip"}),
        )
        assert plain.content == packed.content
        assert plain.headers["etag"] == packed.headers["etag"]
        text = plain.headers["content-type"] == JSON and len(plain.content) >= 1024
        assert packed.headers.get("content-encoding") == ("gzip" if text else None)
        if text:
            assert packed.headers["vary"] == "Accept, Accept-Encoding"


def test_the_archive_holds_every_array_and_is_the_same_bytes_each_time(
    app: Any, demo: dict[str, Any]
) -> None:
    path = f"/analyses/{demo['id']}/arrays.npz"
    first, again = asked(app, (path, {}), (path, {}))
    assert first.content == again.content
    with np.load(io.BytesIO(first.content)) as archive:
        assert sorted(archive.files) == sorted(demo["arrays"])
        for name in archive.files:
            [one] = asked(app, (f"/analyses/{demo['id']}/arrays/{name}", {}))
            assert int(one.headers["content-length"]) == len(one.content)
            np.testing.assert_array_equal(archive[name], np.load(io.BytesIO(one.content)))


@pytest.mark.parametrize(
    ("accept", "as_json"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json;q=0", False),
        ("application/json;q=0.5, application/octet-stream", False),
        ("application/octet-stream;q=0.1, application/json", True),
        ("application/json;q=much", False),
        ("application/jsonlines", False),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(accept: str, as_json: bool) -> None:
    assert representations.prefers_json(accept) is as_json


def test_a_result_that_was_replaced_has_another_tag(tmp_path: Path) -> None:
    def tag(values: list[float]) -> str:
        np.save(tmp_path / "new.npy", np.array(values))
        os.replace(tmp_path / "new.npy", tmp_path / "points.npy")
        answer = representations.array("p", tmp_path / "points.npy", accept=JSON, match=None)
        return answer.headers["etag"]

    assert tag([1.0, 2.0]) != tag([1.0, 3.0])
    assert tag([1.0, 2.0]) == tag([1.0, 2.0])
