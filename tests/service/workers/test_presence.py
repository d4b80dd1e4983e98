"""A worker that takes nothing while jobs wait is told to start again, and ends in order."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from tests.service.workers.conftest import Api
from workers.presence import Presence


def restarted(api: Api, *, seconds: float) -> bool:
    """Whether a presence of this process is told to end it within so many seconds."""
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    presence = Presence(api.delivery, ["analyses"], api.supervisor())
    try:
        return told.wait(seconds)
    finally:
        presence.close()
        signal.signal(signal.SIGTERM, before)


def test_an_idle_worker_restarts_while_an_old_message_waits(api: Api) -> None:
    job = api.job("sleep 0.1")
    # Sent long ago (the limit is half a second here), and nobody took it.
    api.repository.jobs.mark_sent([job], now=time.time() - 10)
    assert restarted(api, seconds=30.0)
    api.repository.analyses.cancel(job, now=time.time())


def test_an_idle_worker_stays_where_nothing_waits(api: Api) -> None:
    assert not restarted(api, seconds=2.0)
    report: dict[str, Any] = {"queues": ["analyses"], "device": "cpu", "idle_seconds": 9.0}
    assert api.delivery.worker_seen("w", report) == {"restart": False, "awake": True}
