"""A share of the server's time for everybody, whoever asks the most."""

from __future__ import annotations

import asyncio

import pytest

from backend.http import turns
from backend.http.turns import AT_ONCE, EARNED, Pace, Turns, is_long


def test_one_persons_short_requests_go_on_a_few_at_a_time() -> None:
    async def run() -> tuple[int, int]:
        shares, inside, most = Turns(), 0, 0

        async def ask(key: str) -> None:
            nonlocal inside, most
            async with shares.of(key):
                inside += key == "ann"
                most = max(most, inside)
                await asyncio.sleep(0.05)
                inside -= key == "ann"

        crowd = [asyncio.ensure_future(ask("ann")) for _ in range(20)]
        await asyncio.sleep(0)
        await ask("bob")
        before = sum(each.done() for each in crowd)
        await asyncio.gather(*crowd)
        return most, before

    most, before = asyncio.run(run())
    assert most == AT_ONCE
    assert before <= 2 * AT_ONCE  # not behind her twenty


def test_who_used_more_than_their_share_waits_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, slept = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(turns.asyncio, "sleep", sleep)

    async def run() -> None:
        nonlocal now
        shares = Turns(clock=lambda: now)
        for _ in range(3):
            async with shares.of("ann"):
                now += 1.0
        assert slept == []  # she had saved up
        async with shares.of("ann"):
            pass
        [wait] = slept
        assert wait == pytest.approx((3.0 - EARNED * 3 - 2.0) / EARNED)
        for key in ("bob", ""):
            async with shares.of(key):
                pass
        assert slept == [wait]
        now += 100.0
        async with shares.of("ann"):
            pass
        assert slept == [wait]
        assert not shares._people  # who owes nothing takes no room

    asyncio.run(run())


def test_uploads_take_turns_person_by_person() -> None:
    async def run() -> list[str]:
        pace, order = Pace(), list[str]()

        async def upload(key: str, parts: int) -> None:
            for _ in range(parts):
                await pace.turn(key)
                order.append(key)

        crowd = [asyncio.ensure_future(upload("ann", 3)) for _ in range(30)]
        await asyncio.sleep(0)
        await upload("bob", 5)
        found = list(order)
        await asyncio.gather(*crowd)
        return found

    found = asyncio.run(run())
    assert found.count("bob") == 5
    assert found.count("ann") <= 8  # about one of hers for each of his, of her ninety


def test_what_waits_for_others_is_not_counted_as_work() -> None:
    for method, path in (
        ("POST", "/api/v1/datasets"),
        ("PATCH", f"/api/v1/uploads/{'0' * 32}"),
        ("POST", "/api/v1/analyses"),
        ("POST", f"/api/v1/analyses/{'0' * 32}/slices"),
        ("GET", f"/api/v1/analyses/{'0' * 32}/slices/{'1' * 32}"),
        ("GET", f"/api/v1/analyses/{'0' * 32}/events"),
    ):
        assert is_long(method, path), path
    for method, path in (
        ("GET", "/api/v1/analyses"),
        ("GET", "/api/v1/datasets"),
        ("GET", f"/api/v1/analyses/{'0' * 32}/report"),
        ("POST", "/_dash-update-component"),
        ("GET", "/"),
    ):
        assert not is_long(method, path), path
