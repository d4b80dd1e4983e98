"""An upgrade with real processes of two versions, in either order, on either database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minimascope.client import Client
from minimascope.contract.code import Code, this_code
from minimascope.contract.parameters import Parameters
from minimascope.contract.schemas import Analysis, AnalysisRequest
from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment, version_of
from tests.servers.next_version import NEXT, SCHEMA, next_version
from tests.servers.places import PROGRAMS, ROOT
from tests.servers.processes import await_true, free_port

TODAY = this_code()
WAIT = 3.0  # for what may not happen
LEASE = 8.0
# The next version looks into files anew, and at first there is no worker of its own to do so.
SETTINGS = {"MINIMASCOPE_INSPECT_WAIT_SECONDS": "3"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next_version(tmp_path_factory.mktemp("next"))


@pytest.fixture(params=["sqlite", "postgresql"])
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    with Deployment(lease=LEASE, database=request.param, settings=SETTINGS) as made:
        made.start_redis()
        made.start_api()
        yield made


def again(client: Client, job: str, seed: int) -> str:
    """The same files, another question."""
    first = client.analysis(job)
    request = AnalysisRequest(
        checkpoint=first.checkpoint, train=first.train, parameters=Parameters(seed=seed)
    )
    return client.submit(request).id


def made_by(analysis: Analysis) -> Code:
    assert analysis.state == "done", analysis
    assert analysis.made_by
    return Code(analysis.made_by.version, analysis.made_by.estimators)


def messages(deployment: Deployment, worker: str) -> int:
    return deployment.log(worker).count("] received")


def versions(client: Client) -> dict[str, Any]:
    """What readiness says of the versions of workers."""
    return client._http.get("/health/ready").json()["checks"]["versions"]


def stays_queued(client: Client, job: str) -> None:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        now = client.analysis(job)
        assert (now.state, now.attempt) == ("queued", 0), now
        time.sleep(0.1)


def test_the_api_is_upgraded_first(deployment: Deployment, sources: Path) -> None:
    deployment.start_worker("worker-today")
    deployment.await_workers(1)
    with deployment.client() as client:
        short = submitted(client, "sleep 0.1")
        until(client, short)
        first = submitted(client, "sleep 8")
        until(client, first, "running")
        deployment.stop("api")
        deployment.start_api(sources)
        waiting = again(client, short, 1)
        # What was under way ends under the name of the code that computed it ...
        assert made_by(until(client, first)).release == TODAY.release
        assert client.analysis(first).attempt == 1
        # ... and nothing else is computed by it.
        stays_queued(client, waiting)
        assert "no job taken" in deployment.log("worker-today")
        await_true(  # a worker says of what version it is every few seconds
            lambda: "A worker is not minimascope 99" in versions(client).get("sentence", ""),
            seconds=30,
            else_say=lambda: str(versions(client)),
        )
        assert not versions(client)["ok"]
        deployment.start_worker("worker-next", sources=sources)
        assert made_by(until(client, waiting)) == NEXT
        # Messages are left to those that may take them: no job waits for its lease to end.
        taken = messages(deployment, "worker-today")
        for job in [again(client, short, seed) for seed in range(2, 6)]:
            ended = until(client, job)
            assert (made_by(ended), ended.attempt) == (NEXT, 1)
        assert messages(deployment, "worker-today") == taken
        # Today's result is kept under its name, and answers no question to the next version.
        assert made_by(client.analysis(short)).release == TODAY.release
        assert made_by(until(client, again(client, short, 0))) == NEXT


def test_a_worker_is_upgraded_first(deployment: Deployment, sources: Path) -> None:
    deployment.start_worker("worker-today")
    deployment.start_worker("worker-next", sources=sources)
    deployment.await_workers(2)
    with deployment.client() as client:
        first = submitted(client, "sleep 6")
        until(client, first, "running")
        # Started again as the next version, it hands back what it had.
        deployment.upgrade_worker("worker-today", sources)
        stays_queued(client, first)
        assert "no job taken" in deployment.log("worker-next")
        assert not versions(client)["ok"]
        deployment.stop("api")
        deployment.start_api(sources)
        ended = until(client, first)
        assert (made_by(ended), ended.attempt) == (NEXT, 1)
        assert versions(client)["ok"]


def test_servers_that_start_at_once_migrate_once_beside_one_of_before(
    deployment: Deployment, sources: Path
) -> None:
    deployment.start_worker("worker-today")
    deployment.await_workers(1)
    with deployment.client() as client:
        first = submitted(client, "sleep 0.1")
        until(client, first)
        ports = [free_port() for _ in range(3)]
        names = [f"api-{port}" for port in ports]
        for name, port in zip(names, ports, strict=True):
            environment = {**deployment.environment, **version_of(sources)}
            environment["MINIMASCOPE_PORT"] = str(port)
            deployment._start(name, *program(), environment=environment)
        for name, port in zip(names, ports, strict=True):
            address = f"http://127.0.0.1:{port}"
            deployment.processes[name].await_answer(f"{address}/api/v1/health/live")
            with Client(address, deployment.environment["MINIMASCOPE_TOKEN"]) as other:
                assert other.analysis(first) == client.analysis(first)
        # The one that was there goes on, with its worker, until it is replaced.
        assert made_by(until(client, again(client, first, 1))).release == TODAY.release
        deployment.stop("api")
        refused = subprocess.run(
            program(),
            env={**deployment.environment, **version_of(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert refused.returncode != 0
        assert f"schema {SCHEMA}" in refused.stderr


def program() -> list[str]:
    return [sys.executable, str(PROGRAMS / "api.py")]
