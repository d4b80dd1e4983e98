"""A real process of a test: with a log, ended by its own pid, never left running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from tests.servers.places import ROOT
from tests.servers.watchdog import unwatch, watch

# What runs now, by name: a test that fails shows the logs (tests/conftest.py).
RUNNING: dict[str, Process] = {}
TAIL = 6000  # characters of a log that are worth reading
STOP_SECONDS = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def environment_of_tests(**settings: str) -> dict[str, str]:
    """Ours, one thread a process, and these variables."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **settings}


def await_true(
    question: Callable[[], object], *, seconds: float, else_say: Callable[[], str]
) -> None:
    """Asks until the answer is true; AssertionError with these words after so many seconds."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, else_say()
        time.sleep(0.05)


class Process:
    """Use as a context, or call `stop` or `kill`; `log` is what it has said so far.

    It heads a session of its own, so that Ctrl-C reaches the tests alone, which end it in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.name, self._log = name, log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                **{
                    "env": environment or environment_of_tests(),
                    "cwd": ROOT,
                    "stdin": subprocess.DEVNULL,
                    "stdout": output,
                    "stderr": output,
                    "start_new_session": True,
                    **more,
                },
            )
        watch(self.pid)
        RUNNING[f"{name} {self.pid}"] = self

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """What it printed, where `stdout` is a pipe: to its end."""
        assert self._process.stdout
        return str(self._process.stdout.read().decode())

    def line(self) -> str:
        """The next line it prints, where `stdout` is a pipe."""
        assert self._process.stdout
        return str(self._process.stdout.readline().decode().rstrip("\n"))

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit status. Raises subprocess.TimeoutExpired."""
        status = self._process.wait(seconds)
        self._forget()
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """In order, killed where that takes too long; its exit status."""
        self.send(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """kill -9, and reaped."""
        self._process.kill()
        return self.wait()

    def _forget(self) -> None:
        unwatch(self.pid)
        RUNNING.pop(f"{self.name} {self.pid}", None)
        if self._process.stdout:
            self._process.stdout.close()

    def descendants(self) -> list[int]:
        """Process ids of everything it started, workers before their children."""
        return _descendants(self.pid)

    def await_answer(self, url: str, *, seconds: float = 120.0) -> None:
        """Until this address answers 200."""

        def answers() -> bool:
            assert self.returncode() is None, f"{self.name} ended: {self.log()[-TAIL:]}"
            try:
                return httpx.get(url, timeout=5).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        await_true(answers, seconds=seconds, else_say=lambda: f"{self.name} does not answer")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode() is None:
            self.stop()


def _descendants(pid: int) -> list[int]:
    # Each thread has its own list: serve starts a lost worker again from a thread.
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for each in lists for child in each.read_text().split()]
    return [each for child in found for each in (child, *_descendants(child))]


def logs() -> dict[str, str]:
    """The end of what each running process has said."""
    return {name: process.log()[-TAIL:] for name, process in RUNNING.items()}
