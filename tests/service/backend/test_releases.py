"""Results name the code that made them; a worker of another version gets nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.jobs.job import NewJob
from minimascope.contract.code import Code, named_by, this_code
from minimascope.contract.schemas import AnalysisRequest
from tests.servers.in_thread import InThread, in_thread
from workers.delivery import Delivery, OtherReleaseError

WORKER = {"authorization": "Bearer w"}
OLD = replace(this_code(), estimators="0")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InThread]:
    with in_thread(tmp_path, worker_token="w") as found:
        yield found


def submitted(server: InThread, content: str = "") -> str:
    job = NewJob("analysis", "c" * 64, {"files": {}, "names": {}, "parameters": {}})
    request = AnalysisRequest(checkpoint="c" * 64, train="t" * 64)
    repository = server.service.analyses.repository
    repository.add_analysis(request, job, now=time.time())
    return job.id


def state(server: InThread, job: str) -> tuple[str, int]:
    analysis = server.service.analyses.repository.analysis(job)
    return analysis.state, analysis.attempt


def test_a_worker_of_another_version_is_refused_before_it_computes(server: InThread) -> None:
    job = submitted(server)
    for theirs in (OLD, replace(this_code(), version="0.0.1"), Code()):
        answer = httpx.post(
            f"{server.url}/api/v1/internal/jobs/{job}/claim",
            headers={**WORKER, **theirs.headers()},
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "release_differs")
        assert theirs.words() in answer.json()["sentence"]
        assert state(server, job) == ("queued", 0)
    delivery = Delivery(server.url, "w", code=OLD)
    with pytest.raises(OtherReleaseError, match="estimators 0"):
        delivery.claim(job)
    delivery.close()
    # One that says nothing at all is of a version before this.
    answer = httpx.post(f"{server.url}/api/v1/internal/jobs/{job}/claim", headers=WORKER)
    assert answer.json()["code"] == "release_differs"


def test_a_result_names_the_release_and_build_that_computed_it(server: InThread) -> None:
    job = submitted(server)
    delivery = Delivery(server.url, "w")
    claimed = delivery.claim(job)
    assert claimed
    delivery.close()
    made = server.service.analyses.repository.analysis(job).made_by
    code = this_code()
    assert made
    assert (made.version, made.estimators, made.build) == (
        code.version,
        code.estimators,
        code.build,
    )
    assert len(code.build) == 12


def test_the_api_says_its_own_release_to_whoever_asks(server: InThread) -> None:
    said = httpx.get(f"{server.url}/api/v1/health/live").json()
    assert Code(said["version"], said["estimators"]).release == this_code().release


class Earlier:
    """The API of a version before releases were named: claims give a job to any worker."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/health/live"):
            body = b'{"status": "ok", "version": "0.1.0"}'
            head = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)


def test_a_worker_takes_nothing_from_a_server_of_an_earlier_version(server: InThread) -> None:
    job = submitted(server)
    config = server.server.config
    config.loaded_app = Earlier(config.loaded_app)
    delivery = Delivery(server.url, "w")
    with pytest.raises(OtherReleaseError, match="the server is"):
        delivery.claim(job)
    assert state(server, job) == ("queued", 0)
    delivery.close()


def test_what_is_said_of_a_code_is_bounded_and_comes_back(server: InThread) -> None:
    assert named_by(this_code().headers()) == this_code()
    long = named_by({"x-minimascope-version": "v" * 1000})
    assert len(long.version) == 40
