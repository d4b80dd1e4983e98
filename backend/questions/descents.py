"""Descents to the minimum on demand (see backend.questions.service)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from backend.analyses.results import arrays_response
from backend.auth.permissions import ASKS_ANALYSIS, READS_ANALYSIS
from backend.auth.principal import Who
from backend.http.representations import NPZ, Match
from backend.questions.service import Questions, Wait, answered, question_job
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.descents import Descent, DescentRequest

router = APIRouter(prefix="/analyses/{identifier}/descents", tags=["descents"])


@router.post(
    "",
    responses={202: {"model": Descent, "description": "A worker computes it."}},
    dependencies=[ASKS_ANALYSIS],
)
async def descend(
    identifier: str,
    request: DescentRequest,
    response: Response,
    questions: Questions,
    who: Who,
    wait: Wait = 0.0,
) -> Descent:
    """The weights, moved to the nearest minimum of their loss with weight decay by L-BFGS.

    200 where the path is there, 202 while it is gone: ask again, or follow `Location`. The array
    `checkpoint` holds the bytes of a file to upload and analyse.
    """
    analysis = await questions.analysis(identifier)
    job = question_job(analysis, request, {}, who, descent=request.model_dump(mode="json"))
    answer = await questions.ask(job, questions.repository.descent, wait)
    return answered(answer, response)


@router.get("/{descent_id}", dependencies=[READS_ANALYSIS])
async def status(
    identifier: str, descent_id: str, questions: Questions, wait: Wait = 0.0
) -> Descent:
    """How far a descent is; `wait` answers when it ends, or after so many seconds."""
    return await questions.awaited(questions.repository.descent, identifier, descent_id, wait)


@router.get(
    "/{descent_id}/arrays.npz",
    response_class=Response,
    responses={200: {"content": {NPZ: {}}}},
    dependencies=[READS_ANALYSIS],
)
def arrays(identifier: str, descent_id: str, questions: Questions, match: Match = None) -> Response:
    """`checkpoint`: the moved weights, a file of torch as bytes."""
    found = questions.repository.descent(identifier, descent_id)
    if found.state != "done":
        raise ProblemError("no_arrays_yet", "This descent has not ended.", "Follow its state.")
    return arrays_response(questions.store, descent_id, found.arrays, match)
