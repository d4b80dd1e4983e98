"""Lines between two analyses on demand (see backend.questions.service)."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from backend.auth.permissions import may_read
from backend.jobs.job import NewJob
from backend.questions.service import Wait, answered, ask, awaited
from backend.service import Here
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import Interpolation, InterpolationRequest
from minimascope.contract.schemas import Analysis

router = APIRouter(prefix="/analyses/{identifier}/interpolations", tags=["interpolations"])


def _refused(code: str, sentence: str, advice: str = "") -> ProblemError:
    return ProblemError(code, sentence, advice, status=409)


def _check(first: Analysis, second: Analysis) -> None:
    """Raises ProblemError where a loss along the line would not be one loss."""
    if first.id == second.id:
        raise _refused("same_analysis", "A line needs two analyses, not one of them twice.")
    if first.train != second.train:
        raise _refused(
            "data_differ",
            "The two analyses have different training sets, so there is no one loss to follow.",
            "Analyse the second checkpoint on the first one's training set.",
        )
    for name, code, words in (
        ("loss", "losses_differ", "loss"),
        ("label", "labels_differ", "label column"),
    ):
        one, two = getattr(first.parameters, name), getattr(second.parameters, name)
        if one != two:
            sentence = f"The {words} is {one!r} in one and {two!r} in the other."
            raise _refused(code, sentence)


def _job(first: Analysis, second: Analysis, request: InterpolationRequest) -> NewJob:
    files = {"checkpoint": first.checkpoint, "other": second.checkpoint, "train": first.train}
    tests = {each.test for each in (first, second) if each.test}
    if len(tests) == 1:  # two different ones are no one loss either
        files["test"] = tests.pop()
    document: dict[str, Any] = {
        "files": files,
        "names": {},
        "parameters": first.parameters.model_dump(mode="json"),
        "interpolation": {
            "request": request.model_dump(mode="json"),
            "architecture": second.parameters.architecture,
        },
    }
    return NewJob("interpolation", first.id, document, id=request.identifier(first.id))


@router.post("", responses={202: {"model": Interpolation, "description": "A worker computes it."}})
async def line(
    identifier: str,
    body: InterpolationRequest,
    request: Request,
    response: Response,
    service: Here,
    wait: Wait = 0.0,
) -> Interpolation:
    """Loss and accuracy on the straight line to another analysis of the same network and data.

    200 where the curve is there, 202 while it is computed: ask again, or follow `Location`. Refused
    where architectures, training data or losses differ.
    """
    may_read(request, body.other)
    first, second = await asyncio.gather(
        *[asyncio.to_thread(service.repository.analysis, each) for each in (identifier, body.other)]
    )
    _check(first, second)
    found = await asyncio.to_thread(ask, service, _job(first, second, body))
    answer = await awaited(service, service.repository.interpolation, identifier, found, wait)
    return answered(answer, response, "interpolations")


@router.get("/{interpolation_id}")
async def status(
    identifier: str, interpolation_id: str, request: Request, service: Here, wait: Wait = 0.0
) -> Interpolation:
    """How far a line is; `wait` answers when it ends, or after so many seconds."""
    read = service.repository.interpolation
    found = await awaited(service, read, identifier, interpolation_id, wait)
    may_read(request, found.request.other)
    return found
