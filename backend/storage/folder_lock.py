"""One server a data folder: two would each take the other's unfinished work for their own."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minimascope.contract.problems import ProblemError

NAME = "server.lock"


def _taken(folder: Path, said: str) -> ProblemError:
    who = said.strip() or "another process"
    return ProblemError("data_folder_taken", f"A server runs on {folder} already ({who[:200]}).")


@contextmanager
def only_server(folder: Path, *, address: str) -> Iterator[None]:
    """Holds the folder for this process, whose end ends it too.

    Raises ProblemError `data_folder_taken`, which says who holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _taken(folder, os.read(held, 300).decode(errors="replace")) from error
        os.ftruncate(held, 0)
        os.write(held, f"process {os.getpid()}, {address}\n".encode())
        yield
    finally:
        os.close(held)


def server_of(folder: Path) -> str:
    """Who holds the folder, in words; "" where no server runs on it."""
    try:
        held = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return ""
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.read(held, 300).decode(errors="replace").strip() or "another process"
    finally:
        os.close(held)
    return ""
