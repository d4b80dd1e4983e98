"""Slow bodies, many requests, many connections: what holds a place without using it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException

from backend.http import body_limits
from backend.http.body_limits import Body
from backend.http.connections import Protocol
from backend.http.rate_limits import Crowd
from minimascope.contract.problems import ProblemError
from tests.servers.in_thread import in_thread


def _read(times: int, *, each: float, came: bytes) -> None:
    """Reads a body that brings `came` every `each` seconds, by a clock that no load slows."""
    clock = [0.0]

    async def receive() -> dict[str, Any]:
        clock[0] += each
        return {"type": "http.request", "body": came, "more_body": True}

    async def run() -> None:
        scope = {"type": "http", "path": "/api/v1/datasets", "headers": []}
        body = Body(scope, receive, now=lambda: clock[0])
        for _ in range(times):
            await body()

    asyncio.run(run())


def test_a_body_that_drips_is_refused() -> None:
    seconds = body_limits.STALL_SECONDS / 10  # never silent for long
    with pytest.raises(HTTPException) as refused:
        _read(20, each=seconds, came=b"x")
    assert refused.value.status_code == 408


def test_a_body_that_keeps_its_pace_is_taken() -> None:
    seconds = body_limits.STALL_SECONDS / 10
    _read(50, each=seconds, came=b"x" * (body_limits.LEAST_BYTES // 8))


def test_a_body_that_stops_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limits, "STALL_SECONDS", 0.05)

    async def nothing() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    body = Body({"type": "http", "path": "/api/v1/datasets", "headers": []}, nothing)
    with pytest.raises(HTTPException) as refused:
        asyncio.run(body())
    assert refused.value.status_code == 408


def test_a_crowd_of_one_key_is_bounded_and_others_are_not() -> None:
    crowd = Crowd(2, "too_many_requests")
    with crowd.one_of("ann"), crowd.one_of("ann"):
        with pytest.raises(ProblemError) as refused, crowd.one_of("ann"):
            pass
        assert refused.value.status == 429
        with crowd.one_of("bob"), crowd.one_of(""), crowd.one_of(""), crowd.one_of(""):
            pass
    with crowd.one_of("ann"):
        pass


def test_beyond_the_most_connections_the_newest_is_refused_in_words(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Protocol, "most", 3)
    with in_thread(tmp_path) as server:
        address = f"{server.url}/api/v1/health/live"
        held = [httpx.Client() for _ in range(3)]
        try:
            assert {client.get(address).status_code for client in held} == {200}
            refused = httpx.get(address)
            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_connections")
        finally:
            for client in held:
                client.close()
        until = time.monotonic() + 10
        while httpx.get(address).status_code != 200:
            assert time.monotonic() < until


def test_nobody_on_this_machine_says_where_others_come_from(tmp_path: Any) -> None:
    with in_thread(tmp_path, token="secret") as server:
        for number in range(6):
            answer = httpx.post(
                f"{server.url}/login",
                data={"token": "guess"},
                headers={"x-forwarded-for": f"10.0.0.{number}"},
            )
        assert answer.status_code == 429
