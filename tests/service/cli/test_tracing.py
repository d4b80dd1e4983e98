"""One trace from the request over the job to its stages, as a collector receives it."""

from __future__ import annotations

import pytest

from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import tracing
from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment
from tests.servers.otlp_receiver import Received, Receiver


def the(spans: list[Received], name: str, **attributes: str | int) -> Received:
    """The one span of this name with these attributes (dots written as __)."""
    wanted = {key.replace("__", "."): value for key, value in attributes.items()}
    found = [s for s in spans if s.name == name and wanted.items() <= s.attributes.items()]
    assert len(found) == 1, [(s.name, s.attributes) for s in spans]
    return found[0]


def test_a_submission_its_job_and_its_stages_are_one_trace() -> None:
    with Receiver() as receiver:
        # Batches go out when a process ends, or every second.
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
        }
        with Deployment(database="sqlite", settings=settings, dashboard=True) as deployment:
            deployment.start_redis()
            deployment.start_api()
            deployment.start_worker("worker")
            with deployment.client() as client:
                identifier = submitted(client, "sleep 0.2")
                assert until(client, identifier).state == "done"
                path = f"/analyses/{identifier}"
                answer = client._http.get(path, params={"share": "secret-key", "x": "1"})
                request_id = answer.headers["x-request-id"]
        spans = list(receiver.spans)
    job = the(spans, "job analysis", minimascope__job__id=identifier)
    request = the(spans, "POST /api/v1/analyses")
    stage = the(spans, "stage spectrum")
    assert (request.service, job.service) == ("minimascope-api", "minimascope-worker")
    assert request.trace == job.trace == stage.trace
    assert (job.parent, stage.parent) == (request.span, job.span)
    assert job.attributes["minimascope.job.outcome"] == "done"
    assert job.attributes["minimascope.job.attempt"] == 1
    assert stage.attributes["minimascope.stage.state"] == "done"
    assert request.begin <= job.begin <= stage.begin <= stage.end <= job.end
    # The stand-in child works for 0.2 seconds.
    assert stage.end - stage.begin >= 2e8
    # An upload's inspection belongs to the upload's request.
    inspection = the(spans, "job inspect_checkpoint")
    assert inspection.parent == the(spans, "POST /api/v1/checkpoints").span
    # The answer's request id finds the span; a share key does not leave the server.
    seen = the(spans, "GET /api/v1/analyses/{identifier}", minimascope__request_id=request_id)
    assert seen.attributes["url.query"] == "share=REDACTED&x=1"
    assert not any("secret-key" in str(span) for span in spans)
    assert not any("/internal/" in str(span) for span in spans)


def test_nothing_is_traced_without_an_endpoint() -> None:
    tracing.configure(Settings(), "api")
    assert tracing.parent() == ""


def test_an_endpoint_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    with pytest.raises(ProblemError, match=r"collector:4317") as refused:
        tracing.configure(Settings(), "api")
    assert refused.value.code == "bad_endpoint"
