"""A dashboard over an app that answers for the API, on a free port of the loopback interface."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dash
import httpx
import uvicorn
from fastapi import FastAPI

from dashboard.app import mount_dashboard
from minimascope.client import AsyncClient


@contextmanager
def served(app: FastAPI, client: AsyncClient | None = None) -> Iterator[str]:
    """Mounts the pages on `app` and serves it in a thread; its address.

    Dash has one registry of pages a process: an app that was there before has its own back after.
    """
    before = dict(dash.page_registry)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # As `serve` does it: not over a connection, which a busy machine may not open in time.
    inside = AsyncClient(url, transport=httpx.ASGITransport(app=app))
    mount_dashboard(app, client or inside)
    config = uvicorn.Config(
        app, "127.0.0.1", port, log_level="error", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield url
    server.should_exit = True
    thread.join(10)
    dash.page_registry.clear()
    dash.page_registry.update(before)
