"""Live events of an analysis over SSE.

An event's id is the version of the job it leaves the reader at. A reader who comes back with it
(Last-Event-ID) gets nothing again if nothing changed, and a new snapshot otherwise: state is
sent, not history, so no event can be missed. A worker that stops speaking is told of (`silent`)
long before its lease ends, and told of again when it speaks.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from backend.service import Here, Service
from minimascope.schemas import FINAL_STATES, Analysis

router = APIRouter(tags=["analyses"])
POLL_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
SILENT_SECONDS = (1.5, 5.0)  # at least and at most; workers speak every 0.8 s
LastId = Annotated[str, Header(alias="Last-Event-ID")]


def _frame(name: str, data: dict[str, Any], version: int | None) -> str:
    identifier = "" if version is None else f"id: {version}\n"
    return f"{identifier}event: {name}\ndata: {json.dumps(data)}\n\n"


def frames(before: Analysis | None, after: Analysis, version: int) -> list[str]:
    """What to tell a reader who knows `before`; only the last frame carries the id."""
    if before is None or after.attempt != before.attempt:
        events = [("snapshot", after.model_dump(mode="json"))]
    else:
        known = {stage.stage: stage for stage in before.stages}
        changed = [stage for stage in after.stages if known.get(stage.stage) != stage]
        events = [("stage", stage.model_dump(mode="json")) for stage in changed]
        if (after.progress, after.message) != (before.progress, before.message):
            events.append(("progress", {"progress": after.progress, "message": after.message}))
        if after.state != before.state:
            events.append(("state", after.model_dump(mode="json")))
    last = len(events) - 1
    return [
        _frame(name, data, version if i == last else None) for i, (name, data) in enumerate(events)
    ]


def _patience(lease: float) -> float:
    """Seconds without a word after which a worker may be lost; before its lease is over."""
    least, most = SILENT_SECONDS
    return max(least, min(most, lease / 2))


async def _stream(service: Service, identifier: str, known: str) -> AsyncIterator[str]:
    before: Analysis | None = None
    seen, quiet_since = known, time.monotonic()
    lease = service.settings.lease_seconds
    heard, silent = time.monotonic(), False
    with service.changes.listening(identifier) as listener:
        while True:
            after, version = await service.changes.look(
                identifier, service.repository.analysis_version
            )
            if str(version) != seen:
                for frame in frames(before, after, version):
                    yield frame
                seen = str(version)
                quiet_since = heard = time.monotonic()
            before = after
            quiet = time.monotonic() - heard
            lost = after.state == "running" and quiet > _patience(lease)
            if lost != silent:
                silent = lost
                yield _frame("silent", {"silent": lost, "seconds": quiet, "lease": lease}, None)
            if after.state in FINAL_STATES:
                return
            if time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
                quiet_since = time.monotonic()
                yield ": still here\n\n"
            await listener.wait(seconds=POLL_SECONDS)


@router.get(
    "/analyses/{identifier}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(identifier: str, service: Here, last: LastId = "") -> StreamingResponse:
    """snapshot, then progress, stage, state and silent events; ends after a final state."""
    await asyncio.to_thread(service.repository.analysis, identifier)
    return StreamingResponse(
        _stream(service, identifier, last),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
