"""A real server with real workers, one for the module that asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimascope.client import Client
from minimascope.contract.schemas import Analysis
from tests.servers.places import CHILD
from tests.servers.postgres import Postgres
from tests.servers.serve import API, Served

LEASE = 3.0


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
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("data")
    settings = {
        "DEMO_DIR": str(folder / "no-demo"),
        "LEASE_SECONDS": str(LEASE),
        "WORKER_TOKEN": "worker-secret",
        "MAX_UPLOAD_BYTES": "3000000",
    }
    with Served(folder, settings, (str(CHILD),), program=API, quiet=False) as server:
        yield server
