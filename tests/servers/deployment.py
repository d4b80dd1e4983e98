"""The processes of docker-compose.yml by hand: API, Redis, PostgreSQL, workers; each can be killed.

Addresses stay the same over restarts, as service names do in compose; every process is ended by
its own pid.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from minimascope.client import Client
from tests.servers.places import CHILD, PROGRAMS, ROOT
from tests.servers.postgres import Postgres
from tests.servers.processes import Process, await_true, environment_of_tests, free_port

# What a worker machine knows: broker, API and its own token; no database, no store.
WORKER_KNOWS = ("BROKER_URL", "WORKER_TOKEN")


def version_of(sources: Path) -> dict[str, str]:
    """What makes a process import these sources and no others."""
    return {"PYTHONPATH": str(sources), "PYTHONSAFEPATH": "1"}


@dataclass
class Deployment:
    """Use as a context; `environment` is what compose sets, with other addresses."""

    lease: float = 4.0
    database: str = "postgresql"
    settings: dict[str, str] = field(default_factory=dict)
    api_prefix: tuple[str, ...] = ()
    dashboard: bool = False
    child: str = str(CHILD)

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.processes: dict[str, Process] = {}
        self._queues: dict[str, str] = {}
        self._sources: dict[str, Path] = {}
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep_workers, daemon=True)
        self.port, self.redis_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **environment_of_tests(),
            "MINIMASCOPE_DATA_DIR": str(self.folder / "data"),
            "MINIMASCOPE_DEMO_DIR": str(self.folder / "no-demo"),
            "MINIMASCOPE_BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "MINIMASCOPE_PORT": str(self.port),
            "MINIMASCOPE_TOKEN": secrets.token_hex(16),
            "MINIMASCOPE_WORKER_TOKEN": secrets.token_hex(16),
            "MINIMASCOPE_LEASE_SECONDS": str(self.lease),
            "MINIMASCOPE_INSPECT_WAIT_SECONDS": "60",
            **self.settings,
        }
        if self.database == "postgresql":
            self.postgres = self._stack.enter_context(Postgres())
            self.environment["MINIMASCOPE_DATABASE_URL"] = self.postgres.database()
        self._stack.callback(self._stop_all)
        self._keeper.start()
        return self

    def _keep_workers(self) -> None:
        """`restart: unless-stopped`, for the workers; whoever kills the rest starts it again."""
        while not self._closing.wait(0.1):
            for name, process in list(self.processes.items()):
                if name.startswith("worker") and process.returncode() is not None:
                    self.start_worker(name)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _stop_all(self) -> None:
        self._closing.set()
        self._keeper.join()
        order = sorted(self.processes, key=lambda name: (name == "redis", name == "api"))
        for name in order:
            self.stop(name)

    def _start(self, name: str, *command: str, environment: dict[str, str] | None = None) -> None:
        if name in self.processes:  # ended by itself or by a test
            self.processes[name].wait()
        log = self.folder / f"{name}.log"
        self.processes[name] = Process(
            name, command, log=log, environment=environment or self.environment
        )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start_redis(self, *, durable: bool = True) -> None:
        """As in compose with its append-only file, or with no memory of what it held."""
        command = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", ""]
        self._start("redis", *command, "--appendonly", "yes" if durable else "no")

    def start_api(self, sources: Path = ROOT) -> None:
        """Returns when it answers; `sources` are those of the version that it is of."""
        program = ["-m", "minimascope", "serve", "--no-worker"]
        if not self.dashboard:
            program = [str(PROGRAMS / "api.py")]
        environment = {**self.environment, **version_of(sources)}
        command = [*self.api_prefix, sys.executable, *program]
        self._start("api", *command, environment=environment)
        self.await_api()

    def await_api(self, *, seconds: float = 120.0) -> None:
        self.processes["api"].await_answer(f"{self.url}/api/v1/health/live", seconds=seconds)

    def start_worker(self, name: str, queues: str = "", sources: Path | None = None) -> None:
        """The same again where its queues and the sources of its version are not given."""
        sources = self._sources[name] = sources or self._sources.get(name, ROOT)
        queues = self._queues[name] = queues or self._queues.get(name, "inspections,analyses")
        names = [f"MINIMASCOPE_{known}" for known in WORKER_KNOWS]
        mine = {
            **{each: self.environment[each] for each in names},
            **{each: self.settings[each] for each in self.settings if each.startswith("OTEL_")},
            "PATH": os.environ["PATH"],
            "OMP_NUM_THREADS": "1",
            "MINIMASCOPE_DATA_DIR": str(self.folder / name),
            **version_of(sources),
        }
        command = [sys.executable, "-m", "minimascope", "worker", "--server", self.url]
        command += ["--device", "cpu", f"--queues={queues}"]
        command += [f"--child={self.child}"] if self.child else []
        self._start(name, *command, environment=mine)

    def upgrade_worker(self, name: str, sources: Path) -> None:
        """Stopped in order and started again as this version."""
        self._sources[name] = sources
        self.stop(name)

    def client(self) -> Client:
        return Client(self.url, self.environment["MINIMASCOPE_TOKEN"])

    def await_workers(self, count: int, *, seconds: float = 120.0) -> None:
        """Until so many report to the API."""
        with self.client() as client:
            await_true(
                lambda: len(client._http.get("/health/ready").json()["workers"]) >= count,
                seconds=seconds,
                else_say=lambda: "workers do not report",
            )

    def kill(self, name: str) -> None:
        """kill -9, and reaped."""
        self.processes[name].kill()

    def stop(self, name: str) -> None:
        """In order; killed where that takes too long."""
        if self.processes[name].returncode() is None:
            self.processes[name].stop(signal.SIGINT if name == "api" else signal.SIGTERM)
