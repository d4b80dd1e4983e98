"""What was changed by whom: one row and one log line for each request that tried to."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.auth.principal import Principal
from backend.http.origins import SAFE_METHODS
from backend.operations.repository import OperationsRepository
from minimascope.contract.names import visible
from minimascope.contract.people import AuditEntry

access_log = logging.getLogger("minimascope.access")
log = logging.getLogger("minimascope.audit")


class AccessLog:
    """ASGI middleware, the outermost; what the dashboard asks of the API here is not its own.

    Writes after the answer, so that nobody waits for it; a database that is away costs a row.
    """

    def __init__(self, app: ASGIApp, *, repository: OperationsRepository) -> None:
        self._app, self._repository = app, repository
        self._writing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if not scope.get("minimascope.inner"):
                self._note(_entry(scope, status), began=began)

    def _note(self, entry: AuditEntry, *, began: float) -> None:
        """One line of JSON for every request, and a row where it was to change something."""
        milliseconds = round(1000 * (time.monotonic() - began), 1)
        line: dict[str, Any] = {**entry.model_dump(mode="json"), "milliseconds": milliseconds}
        access_log.info(json.dumps(line))
        if entry.method not in SAFE_METHODS and not _of_a_worker(entry.path):
            task = asyncio.create_task(self._write(entry))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, entry: AuditEntry) -> None:
        try:
            await asyncio.to_thread(self._repository.record, entry)
        except Exception:
            log.exception("not recorded: %s", entry)


def _entry(scope: Scope, status: int) -> AuditEntry:
    client = scope.get("client")
    who: Principal | None = scope.get("minimascope.principal")
    return AuditEntry(
        at=datetime.now(UTC),
        user=who.name if who else "",
        method=scope["method"],
        path=visible(scope["path"])[:300],
        status=status,
        address=client[0] if client else "",
        request_id=scope.get("minimascope.request_id", ""),
    )


def _of_a_worker(path: str) -> bool:
    """Heartbeats by the thousand say nothing about people; dashboards' callbacks change nothing."""
    return path.startswith(("/api/v1/internal/", "/_dash"))
