"""Every operation keeps its own description, whatever is asked (schemathesis)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import checks

from backend.analyses.demo import SHIPPED, load_demo
from backend.app import create_app
from minimascope.contract.settings import Settings

# Each operation so often here; benchmarks/service.py asks 200 times.
SIGNED = {"authorization": "Bearer token"}
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "5"))


@schemathesis.check
def no_fault(ctx: schemathesis.CheckContext, response: Any, case: schemathesis.Case) -> None:
    """503 is the answer where no worker is there; anything else of the server's own is a fault."""
    assert response.status_code < 500 or response.status_code == 503, response.text[:300]


CHECKS = (
    no_fault,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API with the demo analyses and no worker, so that nothing is waited for."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        host="testserver",  # what schemathesis calls the application it asks in-process
        token="token",
        inspect_wait_seconds=0.0,
        uploads_per_minute=10**9,
        max_upload_bytes=10**6,
    )
    app = create_app(settings)
    load_demo(app.state.services.engine, app.state.services.store, SHIPPED)
    yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=SIGNED)
    app.state.services.close()


def asked(operation: Any) -> None:
    """Sends what the operation's own description allows, and some of what it does not."""

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=SIGNED)

    ask()


# Not schemathesis' own pytest fixtures: they do not work under pytest 9.
def test_every_operation_answers_as_described(described: Any) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert operations
    for operation in operations:
        asked(operation)
