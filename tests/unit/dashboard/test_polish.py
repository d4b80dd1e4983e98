"""Polishing: when it is offered, what is asked of the polished weights, where it leads."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from dashboard.pages.analysis.polish import polishable, polished
from dashboard.pages.job.layout import content
from minimascope.client import AsyncClient
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import MinimumSummary, ObjectiveSummary
from minimascope.contract.schemas import Analysis
from tests.cases.reference_report import Found

FIRST, SECOND = "a" * 32, "b" * 32


@pytest.mark.parametrize(
    ("converged", "told", "offered"),
    [
        (False, {"optimizer": "sgd"}, True),
        (True, {"optimizer": "sgd"}, False),
        (None, {}, False),
        (False, {"optimizer": "adamw"}, False),
        (False, {"augmentation": True}, False),
        (False, {"frozen": 3}, False),
    ],
)
def test_it_is_offered_short_of_a_known_minimum(
    gauss: Found, converged: bool | None, told: dict[str, Any], offered: bool
) -> None:
    summary = MinimumSummary(
        weight_decay=0.01,
        lambda_eff=None,
        gradient_norm=1.0,
        regularized_gradient_norm=1.0,
        newton_decrement=None,
        converged=converged,
    )
    change = {"minimum": summary, "objective": ObjectiveSummary(**told)}
    assert polishable(gauss[0].model_copy(update=change)) == offered


class Server:
    """As much of a client as a press needs."""

    def __init__(self) -> None:
        self.asked: Any = None

    async def descent(self, identifier: str, request: Any, *, seconds: float) -> tuple[Any, bytes]:
        return None, identifier.encode()

    async def store(self, kind: str, file: Any, *, name: str) -> Any:
        assert (kind, file.read()) == ("checkpoint", FIRST.encode())
        return type("Upload", (), {"id": "c" * 64})

    async def submit(self, request: Any, *, idempotency_key: str) -> Any:
        self.asked = request


def test_the_same_data_and_objective_are_asked_without_the_way_to_the_weights() -> None:
    parameters = Parameters(weight_decay=0.01, lr=0.1, steps=9, momentum=0.9, top_k=7)
    analysis = Analysis.model_construct(
        id=FIRST, name="moons", train="t" * 64, test="e" * 64, parameters=parameters
    )
    server = Server()
    asyncio.run(polished(cast(AsyncClient, server), analysis))
    asked = server.asked
    assert (asked.name, asked.checkpoint) == ("moons, polished", "c" * 64)
    assert (asked.train, asked.test) == (analysis.train, analysis.test)
    assert asked.parameters == Parameters(weight_decay=0.01, optimizer="lbfgs", top_k=7)


def test_its_job_ends_in_the_comparison_and_in_no_other_place() -> None:
    made = Analysis.model_validate(
        {
            "id": SECOND,
            "name": "",
            "state": "queued",
            "created_at": "2026-01-01T00:00:00Z",
            "checkpoint": "c" * 64,
            "train": "t" * 64,
            "stages": [],
            "parameters": {},
        }
    )
    assert f"/compare?ids={FIRST},{SECOND}" in str(content(made, beside=FIRST))
    for strange in ("", "//elsewhere.example", FIRST + "&x"):
        assert f"'results': '/analyses/{SECOND}'" in str(content(made, beside=strange))
