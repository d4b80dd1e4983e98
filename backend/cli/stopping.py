"""How `serve` ends: workers give their jobs back while the API still answers, then it goes too."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from typing_extensions import override

# uvicorn's own limit comes after ours, which ends what is left without a word.
LATER_SECONDS = 3


class OrderlyServer(uvicorn.Server):
    """On SIGTERM or Ctrl-C it first waits for `drain`; on a second one no longer."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None] = lambda: None) -> None:
        self._grace = config.timeout_graceful_shutdown or 0
        config.timeout_graceful_shutdown = self._grace + LATER_SECONDS
        super().__init__(config)
        self._drain = drain
        self._draining: threading.Thread | None = None

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not kept for later, as uvicorn does: raised again after the end, it would be a crash.
        if self._draining is None:
            self._draining = threading.Thread(target=self._end, daemon=True)
            self._draining.start()
        elif sig == signal.SIGINT:
            self.should_exit = self.force_exit = True

    def _end(self) -> None:
        try:
            self._drain()
        finally:
            self.should_exit = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        waiting = asyncio.get_running_loop().call_later(self._grace, self._cancel)
        await super().shutdown(sockets)
        waiting.cancel()

    def _cancel(self) -> None:
        """Readers of events and whoever waits: see `backend.http.connections.Leaving`."""
        for task in self.server_state.tasks:
            task.cancel()
