"""Asks for one file to be parsed in a sandboxed process of its own, and reads its answer.

Loads no torch: a Celery process may use it. The pre-imported server is started on first use
(2 s, `warm` starts it early) and shared by all calls of this process; then a parse costs a
fork. What the parser answers is data from a stranger's file and is checked as such.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox.sandbox import own_program

ANSWER_BYTES = 32 << 20
START_SECONDS = 120.0


LEAST_SECONDS, MOST_SECONDS, BYTES_A_SECOND = 4.0, 10.0, 4e6
LEAST_SHARE = 0.1  # of a core and of a disk, on a machine with much else to do
ADVICE = {  # by task, where a file takes too much
    "weights_table": "Save the weights as .safetensors: they are read one tensor at a time.",
    "weights_rows": "Lower --exact-up-to, or save the weights as .safetensors.",
    "checkpoint": "Save only the weights (model.state_dict()), without optimizer state.",
    "dataset": "Send fewer examples, or the arrays X and y as .safetensors.",
}


@dataclass(frozen=True)
class Limits:
    """What one parse may use: CPU seconds, bytes of memory, bytes written."""

    seconds: float = MOST_SECONDS
    memory_bytes: int = 2 << 30
    output_bytes: int = 2 << 30

    @property
    def wall(self) -> float:
        """Seconds by the clock: a file is not refused because its machine was busy."""
        return self.seconds / LEAST_SHARE


def seconds_for(path: Path) -> float:
    """Of a processor, for a file of this size: a small one that keeps it busy is no honest one."""
    return min(MOST_SECONDS, LEAST_SECONDS + path.stat().st_size / BYTES_A_SECOND)


class ParserProcess:
    """The pre-imported server and the socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {
            "PATH": os.defpath,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        self.owner = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603 - our own module, no user text
            own_program("minimascope.intake.sandbox.parser_server", str(theirs.fileno())),
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        self.socket = ours
        self.ready = False

    def alive(self) -> bool:
        """True where this very process started the server and it still runs."""
        return self.owner == os.getpid() and self.process.poll() is None

    def await_ready(self) -> None:
        """Returns when the server has imported everything."""
        if not self.ready:
            self.socket.settimeout(START_SECONDS)
            if self.socket.recv(16) != b"ready":
                raise ConnectionError("the parser process did not start")
            self.ready = True

    def close(self) -> None:
        """Ends the server; a copy inherited by fork only drops its socket."""
        self.socket.close()
        if self.owner != os.getpid():
            return
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_lock = threading.Lock()
_running: list[ParserProcess] = []


def _server() -> ParserProcess:
    if _running and not _running[0].alive():
        _running.pop().close()
    if not _running:
        _running.append(ParserProcess())
    return _running[0]


def warm() -> None:
    """Starts the pre-imported process without waiting for it."""
    with _lock:
        _server()


def stop() -> None:
    """Ends the pre-imported process of this Python process, if there is one."""
    with _lock:
        while _running:
            _running.pop().close()


atexit.register(stop)


def _read_answer(descriptor: int, deadline: float) -> bytes:
    """Everything up to the end of the pipe, within size and time."""
    chunks: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while size <= ANSWER_BYTES:
        wait = max(deadline - time.monotonic(), 0.0)
        if not poll.poll(1000 * wait):
            break
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    return b""


def _exchange(
    server: ParserProcess, request: bytes, files: list[int], seconds: float
) -> tuple[bytes, dict[str, Any]]:
    """One request to the server: the parser's answer and how its process ended."""
    server.await_ready()
    reading, writing = os.pipe()
    try:
        try:
            source, output, *second = files
            socket.send_fds(server.socket, [request], [source, output, writing, *second])
        finally:
            os.close(writing)
        answer = _read_answer(reading, time.monotonic() + seconds + 5.0)
    finally:
        os.close(reading)
    server.socket.settimeout(seconds + 10.0)
    ending = server.socket.recv(4096)
    if not ending:
        raise ConnectionError("the parser process ended")
    return answer, json.loads(ending)


def _ended_badly(task: str, ending: dict[str, Any], limits: Limits) -> ProblemError:
    if ending["timed_out"]:
        return ProblemError(
            "sandbox_timeout",
            f"Reading the file did not end within {limits.wall:.0f} s and was stopped.",
            "The machine or its disk is overloaded: try again, or send a smaller file.",
        )
    if ending["exit"] == -signal.SIGXCPU:
        return ProblemError(
            "sandbox_timeout",
            f"Reading the file took more than {limits.seconds:.0f} s of a processor's time and "
            "was stopped.",
            ADVICE[task],
        )
    if ending["exit"] == -signal.SIGKILL:
        return _memory(task, limits)
    return ProblemError(
        "sandbox_crashed",
        f"Reading the file ended the parser (exit {ending['exit']}); nothing was kept of it.",
        "The file is damaged or made to do harm. Save it again from the training script.",
    )


def _memory(task: str, limits: Limits) -> ProblemError:
    return ProblemError(
        "sandbox_memory",
        f"Reading the file needs more than the {limits.memory_bytes / 2**30:.1f} GiB allowed.",
        ADVICE[task],
    )


def _result(task: str, answer: bytes, ending: dict[str, Any], limits: Limits) -> dict[str, Any]:
    if ending["exit"] != 0 or not answer:
        raise _ended_badly(task, ending, limits)
    document = json.loads(answer)
    if "problem" in document:
        raise ProblemError.from_dict(document["problem"])
    if document.get("failure") == "memory":
        raise _memory(task, limits)
    if document.get("failure") == "disk":
        raise ProblemError(
            "sandbox_disk",
            "The worker's disk has no room for what the file unpacks to.",
            "Free space in the worker's temporary directory, then try again.",
            status=507,
        )
    if "failure" in document:
        raise ProblemError(
            "file_damaged",
            f"The file cannot be read: its content breaks its own format ({document['kind']}).",
            "Save it again from the training script.",
        )
    return dict(document["result"])


def _closed_after(opened: contextlib.ExitStack, descriptor: int) -> int:
    opened.callback(os.close, descriptor)
    return descriptor


def _open_input(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def _open_output(output: Path | None) -> int:
    if output is None:
        return os.open(os.devnull, os.O_WRONLY)
    return os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


def _retried(call: Callable[[ParserProcess], tuple[bytes, dict[str, Any]]]) -> Any:
    """Calls with the running server, once more with a fresh one if it died between files."""
    try:
        return call(_server())
    except OSError:
        while _running:
            _running.pop().close()
    try:
        return call(_server())
    except OSError as error:
        raise ProblemError(
            "sandbox_unavailable",
            f"The process that reads files does not answer ({type(error).__name__}).",
            "The machine is overloaded or out of memory; try again.",
            status=503,
        ) from error


def parse(
    task: str,
    path: Path,
    *,
    output: Path | None,
    options: dict[str, Any] | None = None,
    limits: Limits | None = None,
    against: Path | None = None,
) -> dict[str, Any]:
    """Performs `task` (see `tasks`) on the file in a sandboxed process.

    The process writes its tensors to `output` as safetensors (nowhere if None) and answers
    with a dict of JSON values; `against` is a second file, for a task that compares. Raises
    ProblemError: what the task refused, or sandbox_timeout, sandbox_memory, sandbox_disk,
    sandbox_crashed, file_damaged.
    """
    limits = limits or Limits(seconds=seconds_for(path))
    asked = {"task": task, "options": options or {}, "wall": limits.wall, **asdict(limits)}
    request = json.dumps(asked).encode()
    with contextlib.ExitStack() as opened:
        files = [_closed_after(opened, _open_input(path))]
        files.append(_closed_after(opened, _open_output(output)))
        if against is not None:
            files.append(_closed_after(opened, _open_input(against)))
        with _lock:
            answer, ending = _retried(lambda server: _exchange(server, request, files, limits.wall))
    return _result(task, answer, ending, limits)
