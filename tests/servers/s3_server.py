"""A real S3-compatible server of our own: moto's, stopped by its pid."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers.processes import Process, free_port


@contextmanager
def s3_server(bucket: str) -> Iterator[dict[str, str]]:
    """The provider's environment variables for a server that has this bucket."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Process("s3", command, log=Path(folder) / "s3.log") as process,
    ):
        process.await_answer(f"{url}/moto-api/data.json")
        httpx.put(f"{url}/{bucket}", timeout=30).raise_for_status()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
