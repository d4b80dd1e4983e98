"""Live events of an analysis over SSE.

An event's id is the version of the job it leaves the reader at. A reader who comes back with it
(Last-Event-ID) gets nothing again if nothing changed, and a new snapshot otherwise: state is
sent, not history, so no event can be missed. A worker that stops speaking is told of (`silent`)
long before its lease ends, and told of again when it speaks. A reader whose analysis is deleted, or
who may no longer read it, is told so in a last event `problem`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from backend.analyses.service import Analyses, AnalysisService
from backend.auth.permissions import READS_ANALYSIS, check_readable, share_key
from backend.auth.principal import Principal, Who
from backend.auth.repository import AuthRepository
from backend.storage.database import DatabaseUnavailable
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES, Analysis

router = APIRouter(tags=["analyses"])
log = logging.getLogger("minimascope.backend")
POLL_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
SILENT_SECONDS = (1.5, 5.0)  # at least and at most; workers speak every 0.8 s
# A revoked token or share key ends a stream within this time.
ACCESS_SECONDS = 2.0
LastId = Annotated[str, Header(alias="Last-Event-ID")]


@dataclass
class Reader:
    """Who reads the events of which analysis, and by which share key."""

    analysis: str
    who: Principal
    share: str
    checked: float = field(default_factory=time.monotonic)

    async def check(self, access: AuthRepository) -> None:
        """Raises ProblemError 401 or 404 once the token or the key is good no longer."""
        if time.monotonic() - self.checked > ACCESS_SECONDS:
            await asyncio.to_thread(self._check, access)
            self.checked = time.monotonic()

    def _check(self, access: AuthRepository) -> None:
        # A guest has no token; the key of the link is looked at below.
        token = self.who.token
        if token and access.credential_of_session(token, now=time.time()) is None:
            sentence = f"The token of {self.who.name} has ended."
            raise ProblemError("unauthorized", sentence)
        check_readable(access, self.who, self.analysis, self.share)


def _frame(name: str, data: dict[str, Any], version: int | None) -> bytes:
    identifier = None if version is None else str(version)
    return format_sse_event(data_str=json.dumps(data), event=name, id=identifier)


def frames(before: Analysis | None, after: Analysis, version: int) -> list[bytes]:
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


async def stream(analyses: AnalysisService, reader: Reader, known: str) -> AsyncIterator[bytes]:
    before: Analysis | None = None
    seen, quiet_since = known, time.monotonic()
    lease = analyses.jobs.settings.lease_seconds
    heard, silent = time.monotonic(), False
    with analyses.jobs.notifications.listening(reader.analysis) as listener:
        while True:
            try:
                after, version = await analyses.jobs.notifications.look(
                    reader.analysis, analyses.repository.analysis_version
                )
                await reader.check(analyses.access)
            except ProblemError as problem:
                yield _frame("problem", problem.as_dict(), None)
                return
            except DatabaseUnavailable as error:  # a database that is away comes back
                log.warning("events of %s: the database: %s", reader.analysis, error)
                await asyncio.sleep(POLL_SECONDS)
                continue
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
                yield KEEPALIVE_COMMENT
            await listener.wait(seconds=POLL_SECONDS)


@router.get(
    "/analyses/{identifier}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
    dependencies=[READS_ANALYSIS],
)
async def events(
    identifier: str, request: Request, analyses: Analyses, who: Who, last: LastId = ""
) -> StreamingResponse:
    """snapshot, then progress, stage, state and silent events; ends after a final state.

    `problem` is the last event where the analysis was deleted or the asker's access ended.
    """
    await asyncio.to_thread(analyses.repository.analysis, identifier)
    reader = Reader(identifier, who, share_key(request, who, identifier))
    return StreamingResponse(
        stream(analyses, reader, last),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
