"""Planes on demand (see backend.questions.service)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from backend.analyses.results import array_response, arrays_response
from backend.auth.permissions import ASKS_ANALYSIS, READS_ANALYSIS
from backend.auth.principal import Principal, Who
from backend.http.representations import JSON, NPY, NPZ, Match
from backend.jobs.job import NewJob
from backend.questions.service import Questions, Wait, answered, question_job
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.schemas import Analysis

router = APIRouter(prefix="/analyses/{identifier}/slices", tags=["slices"])
# Present arrays that a worker needs or that save it a search.
NEEDED, HELPFUL = "eigenvectors", "boundary_inputs"


def _job(analysis: Analysis, request: SliceRequest, who: Principal) -> NewJob:
    if NEEDED not in analysis.arrays and not analysis.elsewhere:
        raise ProblemError("no_eigenvectors_yet", "This analysis has no eigenvectors yet.")
    arrays = {name: analysis.id for name in (NEEDED, HELPFUL) if name in analysis.arrays}
    return question_job(
        analysis, request, {}, who, slice=request.model_dump(mode="json"), arrays=arrays
    )


@router.post(
    "",
    responses={202: {"model": Slice, "description": "A worker computes it."}},
    dependencies=[ASKS_ANALYSIS],
)
async def plane(
    identifier: str,
    request: SliceRequest,
    response: Response,
    questions: Questions,
    who: Who,
    wait: Wait = 0.0,
) -> Slice:
    """A plane through input space: 200 where its arrays are there, 202 while they are computed.

    Ask again, or follow `Location`, until it is done; the same question has the same id. A plane
    that does not exist is refused with `no_such_slice`.
    """
    job = _job(await questions.analysis(identifier), request, who)
    answer = await questions.ask(job, questions.repository.slice, wait)
    return answered(answer, response)


@router.get("/{slice_id}", dependencies=[READS_ANALYSIS])
async def status(identifier: str, slice_id: str, questions: Questions, wait: Wait = 0.0) -> Slice:
    """How far a plane is; `wait` answers when it ends, or after so many seconds."""
    return await questions.awaited(questions.repository.slice, identifier, slice_id, wait)


@router.get(
    "/{slice_id}/arrays/{name}",
    response_class=Response,
    responses={200: {"content": {NPY: {}, JSON: {}}}},
    dependencies=[READS_ANALYSIS],
)
def array(
    identifier: str,
    slice_id: str,
    name: str,
    request: Request,
    questions: Questions,
    match: Match = None,
) -> Response:
    """One array as .npy, or as JSON where `Accept: application/json` asks for it."""
    known = questions.repository.slice(identifier, slice_id).arrays
    return array_response(questions.store, slice_id, name, known, request, match)


@router.get(
    "/{slice_id}/arrays.npz",
    response_class=Response,
    responses={200: {"content": {NPZ: {}}}},
    dependencies=[READS_ANALYSIS],
)
def arrays(identifier: str, slice_id: str, questions: Questions, match: Match = None) -> Response:
    """Every array of the plane in one file for `numpy.load`."""
    found = questions.repository.slice(identifier, slice_id)
    if found.state != "done":
        raise ProblemError("no_arrays_yet", "This plane is not computed.", "Follow its state.")
    return arrays_response(questions.store, slice_id, found.arrays, match)
