"""An app on a real socket in a thread of the test, which can then look at what it keeps."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from backend.app import create_app
from backend.http.connections import server_config
from backend.services import Services
from minimascope.contract.settings import Settings


@dataclass(frozen=True)
class InThread:
    """A server, its port, and the service behind it."""

    server: uvicorn.Server
    port: int
    service: Services

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def in_thread(folder: Path, **settings: Any) -> Iterator[InThread]:
    """The API without workers on this data folder."""
    known = {"data_dir": folder, "demo_dir": folder / "none", "port": 0, **settings}
    app = create_app(Settings(**known))
    with app_in_thread(app) as (server, port):
        yield InThread(server, port, app.state.services)


@contextmanager
def app_in_thread(app: FastAPI) -> Iterator[tuple[uvicorn.Server, int]]:
    """Any app, its server and its port."""
    server = uvicorn.Server(server_config(app, grace=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield server, listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
