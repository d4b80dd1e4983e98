"""What was changed by whom: one row and one log line for each request that tried to."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

from backend.auth.principal import Principal
from backend.repositories import Repository
from minimascope.contract.schemas import AuditEntry

access_log = logging.getLogger("minimascope.access")
log = logging.getLogger("minimascope.audit")


class Auditor:
    """Writes after the answer, so that nobody waits for it; a database that is away costs a row."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, scope: Scope, who: Principal | None, status: int, *, began: float) -> None:
        """One line of JSON for every request, and a row where it was to change something."""
        client = scope.get("client")
        entry = AuditEntry(
            at=datetime.now(UTC),
            user=who.name if who else "",
            method=scope["method"],
            path=scope["path"][:300],
            status=status,
            address=client[0] if client else "",
            request_id=scope["minimascope.request_id"],
        )
        milliseconds = round(1000 * (time.monotonic() - began), 1)
        line: dict[str, Any] = {**entry.model_dump(mode="json"), "milliseconds": milliseconds}
        access_log.info(json.dumps(line))
        if entry.method not in ("GET", "HEAD", "OPTIONS") and not _of_a_worker(entry.path):
            task = asyncio.create_task(self._write(entry))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, entry: AuditEntry) -> None:
        try:
            await asyncio.to_thread(self._repository.record, entry)
        except Exception:
            log.exception("not recorded: %s", entry)


def _of_a_worker(path: str) -> bool:
    """Heartbeats by the thousand say nothing about people; dashboards' callbacks change nothing."""
    return path.startswith(("/api/v1/internal/", "/_dash"))
