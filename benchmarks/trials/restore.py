"""The restore drill: a service is backed up while it works, lost with its disk, and brought back.

What was there at the moment of the backup is there again, byte for byte, tokens too; what was under
way goes on. `recovery_seconds` is from the loss to the first answer (RTO), for so many bytes.
"""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import sys
import time
from typing import Any

from minimascope.client import Client
from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment


def _command(deployment: Deployment, *arguments: str) -> None:
    command = [sys.executable, "-m", "minimascope", *arguments]
    done = subprocess.run(
        command, env=deployment.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _kept(client: Client, done: list[str]) -> list[tuple[Any, ...]]:
    return [
        (client.analysis(each), client.report(each), client.array(each, "margins").tobytes())
        for each in done
    ]


def _lose_everything(deployment: Deployment) -> None:
    """Disk, database and broker; another, empty one in the database's place."""
    for name in ("api", "worker", "redis"):
        deployment.kill(name)
    shutil.rmtree(deployment.folder / "data")
    shutil.rmtree(deployment.folder / "appendonlydir", ignore_errors=True)
    if deployment.database == "postgresql":
        deployment.environment["MINIMASCOPE_DATABASE_URL"] = deployment.postgres.database()


def drill(database: str, megabytes: int) -> dict[str, Any]:
    """Raises AssertionError where anything is missing or different afterwards."""
    with Deployment(database=database) as deployment:
        deployment.start_redis()
        deployment.start_api()
        deployment.start_worker("worker")
        deployment.await_workers(1)
        archive = deployment.folder / "backup.tar"
        with deployment.client() as client:
            for _ in range(megabytes // 50):
                content = random.randbytes(25 << 20).hex().encode()
                client.store("dataset", io.BytesIO(content), name="large.npz")
            done = [submitted(client, "sleep 0.1") for _ in range(3)]
            for each in done:
                until(client, each)
            before = _kept(client, done)
            uploads = client.uploads("dataset")
            working = submitted(client, "sleep 4")
            until(client, working, "running")
            began = time.monotonic()
            _command(deployment, "backup", str(archive))
            written = time.monotonic() - began
        _lose_everything(deployment)
        lost = time.monotonic()
        _command(deployment, "restore", str(archive))
        deployment.start_redis()
        deployment.start_api()
        recovered = time.monotonic() - lost
        with deployment.client() as client:
            assert _kept(client, done) == before
            assert client.uploads("dataset") == uploads
            # Its worker is gone with its lease: another attempt.
            assert until(client, working).state == "done"
        return {
            "bytes": archive.stat().st_size,
            "backup_seconds": round(written, 1),
            "recovery_seconds": round(recovered, 1),
        }


def restores(megabytes: int = 1000) -> dict[str, Any]:
    """Both databases."""
    return {each: drill(each, megabytes) for each in ("sqlite", "postgresql")}


TRIALS = {each.__name__: each for each in (restores,)}
