"""Lines between two analyses on demand (see backend.questions.service)."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from backend.auth.permissions import ASKS_ANALYSIS, READS_ANALYSIS, CheckReadable
from backend.auth.principal import Principal, Who
from backend.jobs.job import NewJob
from backend.questions.service import (
    Questions,
    Wait,
    answered,
    question_job,
    refuse_elsewhere,
)
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import (
    Interpolation,
    InterpolationQuestion,
    InterpolationRequest,
)
from minimascope.contract.schemas import Analysis

router = APIRouter(prefix="/analyses/{identifier}/interpolations", tags=["interpolations"])


def _check(first: Analysis, second: Analysis) -> None:
    """Raises ProblemError where a loss along the line would not be one loss."""
    if first.id == second.id:
        sentence = "A line needs two analyses, not one of them twice."
        raise ProblemError("same_analysis", sentence)
    refuse_elsewhere(first, second)
    if first.train != second.train:
        raise ProblemError(
            "data_differ",
            "The two analyses have different training sets, so there is no one loss to follow.",
        )
    one, two = first.parameters, second.parameters
    _check_same("losses_differ", "loss", one.loss, two.loss)
    _check_same("labels_differ", "label column", one.label, two.label)


def _check_same(code: str, words: str, one: str | None, two: str | None) -> None:
    if one != two:
        sentence = f"The {words} is {one!r} in one and {two!r} in the other."
        raise ProblemError(code, sentence)


def _job(
    first: Analysis, second: Analysis, request: InterpolationRequest, who: Principal
) -> NewJob:
    files = {"other": second.checkpoint}
    tests = {each.test for each in (first, second) if each.test}
    if len(tests) == 1:  # two different ones are no one loss either
        files["test"] = tests.pop()
    question = InterpolationQuestion(request=request, architecture=second.parameters.architecture)
    carried = question.model_dump(mode="json")
    return question_job(first, request, files, who, interpolation=carried)


@router.post(
    "",
    responses={202: {"model": Interpolation, "description": "A worker computes it."}},
    dependencies=[ASKS_ANALYSIS],
)
async def line(
    identifier: str,
    body: InterpolationRequest,
    response: Response,
    questions: Questions,
    who: Who,
    check_readable: CheckReadable,
    wait: Wait = 0.0,
) -> Interpolation:
    """Loss and accuracy on the straight line to another analysis of the same network and data.

    200 where the curve is there, 202 while it is computed: ask again, or follow `Location`. Refused
    where architectures, training data or losses differ.
    """
    await check_readable(body.other)
    first, second = await asyncio.gather(
        questions.analysis(identifier), questions.analysis(body.other)
    )
    _check(first, second)
    job = _job(first, second, body, who)
    answer = await questions.ask(job, questions.repository.interpolation, wait)
    return answered(answer, response)


@router.get("/{interpolation_id}", dependencies=[READS_ANALYSIS])
async def status(
    identifier: str,
    interpolation_id: str,
    questions: Questions,
    check_readable: CheckReadable,
    wait: Wait = 0.0,
) -> Interpolation:
    """How far a line is; `wait` answers when it ends, or after so many seconds."""
    read = questions.repository.interpolation
    found = await questions.awaited(read, identifier, interpolation_id, wait)
    await check_readable(found.request.other)
    return found
