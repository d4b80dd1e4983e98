"""`minimascope serve` as users start it, or the API alone, on a port of its own choosing."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from minimascope.client import Client
from tests.servers.places import PROGRAMS
from tests.servers.processes import Process, await_true, environment_of_tests

SERVE = ("-m", "minimascope", "serve", "--port=0")
API = (str(PROGRAMS / "api.py"), "--port=0")
LIVE = "/api/v1/health/live"


@dataclass
class Served:
    """Use as a context. `settings` are variables without their MINIMASCOPE_.

    `quiet` says that it owes exit status 0 and not a word beyond its address.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    program: tuple[str, ...] = SERVE
    quiet: bool = True

    @property
    def token(self) -> str:
        return self.settings.get("TOKEN", "")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        known = {"DATA_DIR": str(self.folder), **self.settings}
        self.process = Process(
            "serve",
            [sys.executable, *self.program, *self.arguments],
            log=self.folder.with_name(f"{self.folder.name}.log"),
            environment=environment_of_tests(
                **{f"MINIMASCOPE_{name}": value for name, value in known.items()}
            ),
            stdout=subprocess.PIPE,
        )
        said = self.process.line()
        if not said:
            raise AssertionError(f"serve printed no address: {self.process.log()}")
        self.url = said.split()[-1]
        # The address is printed once it is bound, a moment before it is listened to.
        self.process.await_answer(self.url + LIVE)
        return self

    def client(self) -> Client:
        return Client(self.url, self.token)

    def descendants(self) -> list[int]:
        return self.process.descendants()

    def worker(self, queue: str) -> int:
        """The Celery process of one queue."""
        for pid in self.descendants():
            if f"--queues={queue}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise LookupError(queue)

    def __exit__(self, failed: object, *_: object) -> None:
        """Ctrl-C: it ends in order, and workers, their children and their parsers with it."""
        if self.process.returncode() is not None:  # killed by its test
            return
        started = self.descendants()
        self.process.send(signal.SIGINT)
        try:
            status = self.process.wait()
        except subprocess.TimeoutExpired:
            status = self.process.kill()
        if failed or not self.quiet:
            return
        assert (status, self.process.log()) == (0, "")
        await_true(
            lambda: not left(started), seconds=5.0, else_say=lambda: f"left: {left(started)}"
        )


def left(pids: list[int]) -> list[int]:
    """Those that still run. Python's tracker of semaphores ends a moment after its server."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
