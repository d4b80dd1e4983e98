"""Drawings are made in a process of their own: in a thread they would hold Python's lock for half a
second at a time, and every other answer of the server with it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process


class DrawingProcess:
    """One process, started when it is first needed, and again where somebody ended it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def begin(self) -> None:
        """Starts it now, so that the first drawing finds everything imported."""
        self._started().submit(_ready)

    def end(self) -> None:
        """Waits for the drawing at work."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    async def run(self, make: Callable[..., bytes], *given: object) -> bytes:
        """`make(*given)` over there; what it raises is raised here."""
        try:
            return await self._answer(make, *given)
        except BrokenProcessPool:
            self._pool = None
            return await self._answer(make, *given)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not forked: this process has threads, whose locks a fork would copy as they are.
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)
        return self._pool

    async def _answer(self, make: Callable[..., bytes], *given: object) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._started(), make, *given)


def _begin() -> None:
    # Ctrl-C reaches the whole group; the server ends this process when it is done with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_server, daemon=True).start()


def _end_with_the_server() -> None:
    """A server that is killed can tell nobody."""
    server = parent_process()
    if server is not None:
        connection.wait([server.sentinel])
        os._exit(0)


def _ready() -> None:
    importlib.import_module("dashboard.drawing.payload")
    # What is imported stays: a collection need not walk it.
    gc.collect()
    gc.freeze()
