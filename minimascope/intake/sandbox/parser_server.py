"""The pre-imported process that parsers are forked from: one child a file, gone with its answer.

It imports torch and numpy once, parses small files of its own (so that nothing is imported
late), then waits on a socket. Its environment holds no token, it runs no thread and no
parallel operation, so a fork of it is clean and costs milliseconds. Started by
`parser_process`, ended by the closing of its socket.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
from typing import Any, BinaryIO

from minimascope.contract.names import all_visible
from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox import sandbox
from minimascope.intake.sandbox.tasks import perform, rehearse

REQUEST_BYTES = 1 << 16
FULL = (errno.ENOSPC, errno.EDQUOT)


def _answer(request: dict[str, Any], source: BinaryIO, output: BinaryIO) -> dict[str, Any]:
    """Performs the task inside the sandbox; every way of failing becomes a problem."""
    try:
        sandbox.enter(
            memory_bytes=request["memory_bytes"],
            cpu_seconds=int(request["seconds"]) + 1,
            file_bytes=request["output_bytes"],
        )
        result = all_visible(perform(request["task"], source, output, request["options"]))
        output.flush()  # what does not fit on the disk has to fail here, where it is told
        return {"result": result}
    except ProblemError as problem:
        return {"problem": all_visible(problem.as_dict())}
    except (MemoryError, RecursionError):
        return {"failure": "memory"}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            return {"failure": "disk"}
        # torch reports a failed allocation as RuntimeError; its text names the allocator.
        text = str(error)
        if "not enough memory" in text or "DefaultCPUAllocator" in text:
            return {"failure": "memory"}
        return {"failure": "error", "kind": type(error).__name__}


def _parse(request: dict[str, Any], descriptors: list[int]) -> None:
    """Body of the child: never returns to the server's loop."""
    source_fd, output_fd, answer_fd, *second = descriptors
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)
    # What a full disk left in the buffer fails once more when it is closed.
    closed = contextlib.suppress(OSError)
    with os.fdopen(source_fd, "rb") as source, closed, os.fdopen(output_fd, "wb") as output:
        if second:
            request["options"]["against"] = os.fdopen(second[0], "rb")
        answer = _answer(request, source, output)
    with os.fdopen(answer_fd, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())


def _await(pid: int, seconds: float) -> dict[str, int | bool]:
    """Waits for the child, kills it past its time; its exit code is −signal if it was killed."""
    handle = os.pidfd_open(pid)
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    ready = bool(ended.poll(1000 * seconds))
    if not ready:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    return {"exit": os.waitstatus_to_exitcode(status), "timed_out": not ready}


def serve(connection: socket.socket) -> None:
    """Answers requests until the end: JSON, with descriptors of input, output, answer.

    A fourth is a second input, for a task that compares two files.
    """
    connection.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 4)
        if not message:
            return
        request = json.loads(message)
        pid = os.fork()
        if pid == 0:
            try:
                connection.close()
                _parse(request, descriptors)
                os._exit(0)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(json.dumps(_await(pid, request["wall"])).encode())


if __name__ == "__main__":
    # Ctrl-C reaches the whole group of a terminal: its owner ends this process by the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    rehearse()
    serve(socket.socket(fileno=int(sys.argv[1])))
