"""The client itself: what it sends again and what it does not, paths, waiting, its examples."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from minimascope.client import Client
from minimascope.client import connection as connections
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest

HEAD = {
    "id": "a" * 32,
    "name": "",
    "state": "done",
    "stages": [],
    "created_at": "2026-01-01T00:00:00Z",
    "checkpoint": "c" * 64,
    "train": "t" * 64,
    "progress": 1.0,
    "message": "Done",
    "parameters": {},
}
UPLOAD = {
    "id": "f" * 64,
    "kind": "dataset",
    "name": "train.npz",
    "size": 3,
    "created_at": "2026-01-01T00:00:00Z",
    "inspection": {"state": "ok"},
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PAUSES", (0.0, 0.0, 0.0))


def client(answer: Callable[[httpx.Request, int], httpx.Response]) -> tuple[Client, list[str]]:
    """One whose server answers by the number of the request."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return answer(request, len(asked))

    return Client("http://server", transport=httpx.MockTransport(handle)), asked


def test_a_connection_that_breaks_is_taken_up_again() -> None:
    def answer(_: httpx.Request, place: int) -> httpx.Response:
        if place in (2, 3):
            raise httpx.ReadError("broken")
        return httpx.Response(200, json=HEAD)

    served, asked = client(answer)
    served.analysis("a" * 32)
    assert served.analysis("a" * 32).state == "done"
    assert len(asked) == 4


def test_a_server_that_never_answered_is_not_asked_twice() -> None:
    def answer(_: httpx.Request, place: int) -> httpx.Response:
        raise httpx.ConnectError("refused")

    served, asked = client(answer)
    with pytest.raises(ProblemError, match="No minimascope server answers"):
        served.analysis("a" * 32)
    assert len(asked) == 1


def test_what_would_be_done_twice_is_not_sent_twice() -> None:
    def answer(_: httpx.Request, place: int) -> httpx.Response:
        if place == 1:
            return httpx.Response(200, json=HEAD)
        raise httpx.ReadError("broken")

    served, asked = client(answer)
    served.analysis("a" * 32)
    for call in (served.retry, served.cancel, served.delete_analysis):
        before = len(asked)
        with pytest.raises(ProblemError):
            call("a" * 32)
        assert len(asked) == before + 1


def test_a_submission_goes_again_under_one_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request, place: int) -> httpx.Response:
        if place > 1:
            keys.append(request.headers["idempotency-key"])
        if place == 2:
            raise httpx.ReadError("broken")
        return httpx.Response(201, json=HEAD)

    served, _ = client(answer)
    served.analysis("a" * 32)
    served.submit(AnalysisRequest(checkpoint="c" * 64, train="t" * 64))
    assert len(keys) == 2
    assert keys[0] == keys[1] != ""


def test_a_file_is_sent_whole_again_from_a_path_in_words_or_open(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request, place: int) -> httpx.Response:
        if place == 1:
            return httpx.Response(200, json=HEAD)
        bodies.append(request.read())
        if place == 2:
            raise httpx.WriteError("broken")
        return httpx.Response(201, json=UPLOAD)

    path = tmp_path / "train.npz"
    path.write_bytes(b"abc")
    for given in (path, str(path), io.BytesIO(b"abc")):
        bodies.clear()
        served, _ = client(answer)
        served.analysis("a" * 32)
        assert served.store("dataset", given).name == "train.npz"
        assert bodies == [b"abc", b"abc"]
    with pytest.raises(ProblemError, match="There is no file 'nothing"):
        client(answer)[0].store("dataset", "nothing.npz")


def _stream(*events: tuple[str, dict[str, Any]]) -> bytes:
    lines = [
        f"id: {place}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
        for place, (name, data) in enumerate(events)
    ]
    return "".join(lines).encode()


@pytest.mark.parametrize("name", ["stage", "silent", "heard of next year"])
def test_waiting_goes_on_after_an_event_that_is_no_progress(name: str) -> None:
    events = _stream(
        ("snapshot", {"state": "running", "progress": 0.0, "message": ""}),
        (name, {"worker": "gone"}),
        ("progress", {"progress": 0.5, "message": "half"}),
        ("state", {"state": "done", "progress": 1.0, "message": "Done"}),
    )

    def answer(request: httpx.Request, place: int) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, content=events)
        return httpx.Response(200, json=HEAD)

    heard: list[tuple[float, str]] = []
    found = client(answer)[0].wait("a" * 32, progress=lambda *told: heard.append(told))
    assert found.state == "done"
    assert heard == [(0.0, "running"), (0.5, "half"), (1.0, "Done")]


def test_waiting_ends_when_it_was_long_enough() -> None:
    served, _ = client(lambda *_: httpx.Response(200, json={**HEAD, "state": "running"}))
    with pytest.raises(ProblemError, match="not ended within 0 seconds"):
        served.wait("a" * 32, seconds=0)


def test_every_call_says_what_it_does_and_shows_it() -> None:
    calls = [
        each for name, each in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"
    ]
    assert len(calls) > 20
    for call in calls:
        assert ">>> " in (call.__doc__ or ""), call.__name__
