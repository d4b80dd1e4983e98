"""The processes of docker-compose.yml by hand: API, Redis, PostgreSQL and two workers."""

from __future__ import annotations

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minimascope.client import Client
from minimascope.schemas import FINAL_STATES, AnalysisRequest
from tests.backend.postgres import Postgres

ROOT = Path(__file__).parents[2]
CHILD = ROOT / "tests" / "workers" / "child.py"
LEASE = 4.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def process(*command: str, end: signal.Signals = signal.SIGTERM, **options: Any) -> Iterator[Any]:
    """A process of our own, ended by its pid."""
    started = subprocess.Popen(command, text=True, start_new_session=True, cwd=ROOT, **options)
    try:
        yield started
    finally:
        started.send_signal(end)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def redis(folder: Path, port: int) -> Any:
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return process(*command, "--save", "", "--appendonly", "no", stdout=subprocess.DEVNULL)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What docker-compose.yml sets, with other addresses."""
    with Postgres() as postgres:
        yield {
            **os.environ,
            "MINIMASCOPE_DATA_DIR": str(tmp_path / "data"),
            "MINIMASCOPE_DEMO_DIR": str(tmp_path / "no-demo"),
            "MINIMASCOPE_DATABASE_URL": postgres.database(),
            "MINIMASCOPE_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
            "MINIMASCOPE_TOKEN": secrets.token_hex(16),
            "MINIMASCOPE_WORKER_TOKEN": secrets.token_hex(16),
            "MINIMASCOPE_LEASE_SECONDS": str(LEASE),
        }


@contextmanager
def worker(environment: dict[str, str], url: str, log: Path) -> Iterator[None]:
    """A worker machine: broker, API and its token; no database, no store, no user's token."""
    known = ("BROKER_URL", "WORKER_TOKEN")
    mine = {f"MINIMASCOPE_{name}": environment[f"MINIMASCOPE_{name}"] for name in known}
    folder = Path(environment["MINIMASCOPE_DATA_DIR"]).parent / "worker"
    mine |= {"PATH": os.environ["PATH"], "MINIMASCOPE_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "minimascope", "worker", "--server", url, "--device", "cpu"]
    with (
        log.open("ab") as out,
        process(*command, f"--child={CHILD}", env=mine, stdout=out, stderr=out),
    ):
        yield


def submitted(client: Client, text: str) -> str:
    checkpoint = client.store("checkpoint", io.BytesIO(text.encode()), name="w.pt").id
    train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
    return client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id


def all_ended(client: Client, identifiers: list[str], *, seconds: float) -> dict[str, str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = {i: client.analysis(i).state for i in identifiers}
        if all(state in FINAL_STATES for state in states.values()):
            break
        time.sleep(0.2)
    return states


def test_redis_emptied_under_two_workers_loses_and_doubles_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = int(environment["MINIMASCOPE_BROKER_URL"].rpartition(":")[2].partition("/")[0])
    serve = [sys.executable, "-m", "minimascope", "serve", "--port=0", "--no-worker"]
    runs, log = tmp_path / "runs.txt", tmp_path / "worker.log"
    with redis(tmp_path, port) as broker:
        api = process(*serve, env=environment, stdout=subprocess.PIPE, end=signal.SIGINT)
        with api as server, server.stdout as lines:
            url = lines.readline().split()[-1]
            with (
                worker(environment, url, log),
                worker(environment, url, log),
                Client(url, environment["MINIMASCOPE_TOKEN"]) as client,
            ):
                made = [submitted(client, f"sleep 1.{i} log {runs}") for i in range(6)]
                broker.kill()
                broker.wait()
                # Started anew without its memory: every message in it is gone.
                with redis(tmp_path, port):
                    states = all_ended(client, made, seconds=60)
                    ready = client._http.get("/health/ready").json()
    assert set(states.values()) == {"done"}, log.read_text()[-3000:]
    words = runs.read_text().split()
    assert words.count("end") == len(made)
    assert ready["status"] == "ok"
    assert len(ready["workers"]) == 2
    assert {"limits", "seccomp", "landlock"} <= set(ready["workers"][0]["layers"])
