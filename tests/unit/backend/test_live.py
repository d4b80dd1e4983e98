"""Streams of events that end early: the analysis deleted, the reader's access taken away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backend.analyses import events as live
from backend.analyses.events import Reader, stream
from backend.auth.principal import GUEST, Principal
from backend.services import Services
from minimascope.client import calls
from minimascope.client.events import Event, EventText
from minimascope.contract.problems import ProblemError
from tests.unit.backend.in_process import analysis, api, joined

Change = Callable[[Services, str], Awaitable[None]]


def as_events(*frames: bytes) -> list[Event]:
    return EventText().feed(b"".join(frames).decode())


def last_words(tmp_path: Path, change: Change, *, share: str = "") -> Event:
    """What a stream says after its snapshot, once `change` has happened; it must end there."""

    async def run() -> Event:
        async with api(tmp_path) as (_, service):
            joined(service, "ann")
            ann = service.auth.users()[0]
            identifier = analysis(service, "" if share else ann.id)
            if share:
                service.auth.share(identifier, share)
            reader = Reader(
                identifier,
                Principal(ann.id, "ann", "write", token=service.auth.tokens("ann")[0].id),
                share,
            )
            frames = stream(service.analyses, reader, "")
            assert as_events(await anext(frames))[0].name == "snapshot"
            await change(service, identifier)
            said = [frame async for frame in frames]
            return as_events(*said)[-1]

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def checked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ACCESS_SECONDS", 0.0)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)


def test_whoever_watches_an_analysis_that_is_deleted_is_told_so(tmp_path: Path) -> None:
    async def delete(service: Services, identifier: str) -> None:
        # At once, so that the stream sees no final state in between.
        service.analyses.repository.cancel(identifier, now=time.time())
        service.analyses.repository.delete_analysis(identifier)

    told = last_words(tmp_path, delete)
    assert (told.name, told.data["code"]) == ("problem", "no_such_analysis")
    with pytest.raises(ProblemError, match="There is no analysis"):
        calls.check_event(told)


def test_a_stream_ends_with_the_token_that_opened_it(tmp_path: Path) -> None:
    async def revoke(service: Services, _: str) -> None:
        service.auth.revoke_user("ann", now=time.time())

    told = last_words(tmp_path, revoke)
    assert (told.name, told.data["code"], told.data["status"]) == ("problem", "unauthorized", 401)


def test_whoever_has_a_link_alone_follows_to_the_end(tmp_path: Path) -> None:
    async def run() -> list[Event]:
        async with api(tmp_path) as (_, service):
            identifier = analysis(service, "somebody")
            service.auth.share(identifier, "key")
            reader = Reader(identifier, Principal(GUEST, "a link", "read"), "key")
            frames = stream(service.analyses, reader, "")
            said = [await anext(frames)]
            await asyncio.sleep(0.2)  # several looks and checks
            service.analyses.repository.cancel(identifier, now=time.time())
            return as_events(*said, *[frame async for frame in frames])

    ended = asyncio.run(run())[-1]
    assert (ended.name, ended.data["state"]) == ("state", "cancelled")


def test_a_stream_ends_with_the_share_key_that_opened_it(tmp_path: Path) -> None:
    async def unshare(service: Services, identifier: str) -> None:
        service.auth.share(identifier, None)

    told = last_words(tmp_path, unshare, share="key")
    assert (told.name, told.data["code"]) == ("problem", "no_such_analysis")


def test_a_guest_watches_until_the_link_is_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with api(tmp_path) as (_, service):
            identifier = analysis(service, "ann")
            service.auth.share(identifier, "key")
            guest = Principal(GUEST, "somebody with a link", "read", ((identifier, "key"),))
            frames = stream(service.analyses, Reader(identifier, guest, "key"), "")
            assert as_events(await anext(frames))[0].name == "snapshot"
            service.analyses.repository.cancel(identifier, now=time.time())
            assert as_events(await anext(frames))[0].name in ("stage", "progress", "state")
            service.auth.share(identifier, None)
            said = [frame async for frame in frames]
            assert as_events(*said)[-1].name in ("problem", "state")

    asyncio.run(run())


def test_an_event_ends_at_line_feeds_alone_however_it_comes() -> None:
    state = 'id: 3\r\nevent: state\r\ndata: {"a":\ndata:  "x\u2028y"}\n\n'
    text = f": a word\n\n{state}event: progress\n\n"
    for size in (1, 7, len(text)):
        events = EventText()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = [event for piece in pieces for event in events.feed(piece)]
        assert found == [Event("3", "state", {"a": "x\u2028y"})]
