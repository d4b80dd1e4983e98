"""A real server with real workers, one for the module that asks for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minimascope.client import Client
from minimascope.contract.schemas import Analysis
from tests.servers.places import CHILD, PROGRAMS, ROOT
from tests.servers.postgres import Postgres

LEASE = 3.0


@dataclass(frozen=True)
class Running:
    """A server: its address, data folder and process."""

    url: str
    folder: Path
    process: subprocess.Popen[str]

    def client(self) -> Client:
        return Client(self.url)

    def workers(self) -> list[int]:
        """Process ids of its worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


def ended(client: Client, identifier: str, *, seconds: float = 30.0) -> Analysis:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        analysis = client.analysis(identifier)
        if analysis.state in ("done", "failed", "cancelled"):
            return analysis
        time.sleep(0.05)
    pytest.fail(f"not ended after {seconds} s: {client.analysis(identifier)}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the session; every test makes its own database in it."""
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'db.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("data")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MINIMASCOPE_DATA_DIR": str(folder),
        "MINIMASCOPE_DEMO_DIR": str(folder / "no-demo"),
        "MINIMASCOPE_LEASE_SECONDS": str(LEASE),
        "MINIMASCOPE_WORKER_TOKEN": "worker-secret",
        "MINIMASCOPE_MAX_UPLOAD_BYTES": "3000000",
    }
    process = subprocess.Popen(
        [
            sys.executable,
            str(PROGRAMS / "api_with_workers.py"),
            "0",
            str(CHILD),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    server = Running(process.stdout.readline().strip(), folder, process)
    workers = server.workers()
    yield server
    process.send_signal(signal.SIGINT)
    process.wait(15)
    process.stdout.close()
    left = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert left == []
