"""The real API over a real socket, for a supervisor with the stand-in child."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.jobs.job import NewJob
from backend.services import Services
from minimascope.contract.schemas import AnalysisRequest
from tests.cases.repositories import Repositories
from tests.servers.in_thread import in_thread
from tests.servers.places import CHILD
from workers.delivery import Delivery
from workers.process.supervisor import Supervisor

SHA = "ab" * 32


@dataclass
class Api:
    service: Services
    delivery: Delivery

    @property
    def repository(self) -> Repositories:
        return Repositories(self.service.engine)

    def job(self, text: str) -> str:
        path = self.service.store.blob(SHA)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        document: dict[str, Any] = {"files": {"checkpoint": SHA}, "names": {}, "parameters": {}}
        job = NewJob("analysis", SHA, document, stages=("spectrum", "gap"))
        request = AnalysisRequest(checkpoint=SHA, train=SHA)
        self.repository.analyses.add_analysis(request, job, now=time.time())
        return job.id

    def supervisor(self) -> Supervisor:
        return Supervisor(self.delivery, (sys.executable, str(CHILD)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@contextmanager
def serving(folder: Path, *, lease: float, limit: float) -> Iterator[Api]:
    """A server without workers: leases and the time limit of a job in seconds."""
    times = {"job_seconds": limit, "lease_seconds": lease, "stuck_seconds": 0.5}
    with in_thread(folder, worker_token="w", **times) as server:
        delivery = Delivery(server.url, "w")
        try:
            yield Api(server.service, delivery)
        finally:
            delivery.close()


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    with serving(folder, lease=5, limit=3) as made:
        yield made
