"""A real PostgreSQL server of our own: fresh folder, unix socket, stopped by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Self

import psycopg

from tests.servers.processes import Process, await_true


def _binaries() -> Path:
    """The newest installed version's; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent


class Postgres:
    """Start with `Postgres()`, end with `close()`; `database()` makes an empty database."""

    def __init__(self) -> None:
        # Not under pytest's own folder: PostgreSQL refuses root, and only root may enter there.
        self.folder = Path(tempfile.mkdtemp(prefix="minimascope-pg-"))
        self.user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "-D", "data", "-U", "minimascope", "-A", "trust", "-N", "-E", "UTF8")
        self.start()

    def _options(self) -> dict[str, object]:
        as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid} if self.user else {}
        # A root's extra groups are no one else's; others may not change theirs.
        groups = {"extra_groups": []} if self.user else {}
        return {"cwd": self.folder, "env": {"PATH": os.environ["PATH"]}, **as_user, **groups}

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_binaries() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, **self._options())  # type: ignore[call-overload]

    def start(self) -> None:
        """Returns when it answers."""
        command = [str(_binaries() / "postgres"), "-D", "data", "-k", str(self.folder), "-h", ""]
        command += ["-c", "fsync=off", "-c", "shared_buffers=16MB"]
        log = self.folder / "postgres.log"
        self.process = Process("postgres", command, log=log, **self._options())
        await_true(self._answers, seconds=60, else_say=lambda: "PostgreSQL does not answer")

    def _answers(self) -> bool:
        assert self.process.returncode() is None, self.process.log()
        try:
            self._admin().close()
            return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Fast shutdown: connections are cut, nothing committed is lost."""
        self.process.stop(signal.SIGINT)

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.folder), user="minimascope", dbname="postgres", autocommit=True
        )

    def database(self) -> str:
        """URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://minimascope@/{name}?host={self.folder}"

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
