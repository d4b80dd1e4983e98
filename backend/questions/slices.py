"""Planes on demand (see backend.questions.service)."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from backend.analyses.results import array_response, arrays_response
from backend.http.representations import JSON, NPY, NPZ, Match
from backend.jobs.job import NewJob
from backend.questions.service import Wait, answered, ask, awaited
from backend.service import Here
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.schemas import Analysis

router = APIRouter(prefix="/analyses/{identifier}/slices", tags=["slices"])
# Present arrays that a worker needs or that save it a search.
NEEDED, HELPFUL = "eigenvectors", "boundary_inputs"


def _job(analysis: Analysis, request: SliceRequest) -> NewJob:
    if NEEDED not in analysis.arrays:
        raise ProblemError(
            "no_eigenvectors_yet",
            "This analysis has no eigenvectors yet.",
            "Ask again when its spectrum is done.",
            status=409,
        )
    document: dict[str, Any] = {
        "files": {"checkpoint": analysis.checkpoint, "train": analysis.train},
        "names": {},
        "parameters": analysis.parameters.model_dump(mode="json"),
        "slice": request.model_dump(mode="json"),
        "arrays": {name: analysis.id for name in (NEEDED, HELPFUL) if name in analysis.arrays},
    }
    return NewJob("slice", analysis.id, document, id=request.identifier(analysis.id))


@router.post("", responses={202: {"model": Slice, "description": "A worker computes it."}})
async def plane(
    identifier: str, request: SliceRequest, response: Response, service: Here, wait: Wait = 0.0
) -> Slice:
    """A plane through input space: 200 where its arrays are there, 202 while they are computed.

    Ask again, or follow `Location`, until it is done; the same question has the same id. A plane
    that does not exist is refused with `no_such_slice`.
    """
    found = await asyncio.to_thread(service.repository.analysis, identifier)
    slice_id = await asyncio.to_thread(ask, service, _job(found, request))
    answer = await awaited(service, service.repository.slice, identifier, slice_id, wait)
    return answered(answer, response, "slices")


@router.get("/{slice_id}")
async def status(identifier: str, slice_id: str, service: Here, wait: Wait = 0.0) -> Slice:
    """How far a plane is; `wait` answers when it ends, or after so many seconds."""
    return await awaited(service, service.repository.slice, identifier, slice_id, wait)


@router.get(
    "/{slice_id}/arrays/{name}",
    response_class=Response,
    responses={200: {"content": {NPY: {}, JSON: {}}}},
)
def array(
    identifier: str,
    slice_id: str,
    name: str,
    request: Request,
    service: Here,
    match: Match = None,
) -> Response:
    """One array as .npy, or as JSON where `Accept: application/json` asks for it."""
    known = service.repository.slice(identifier, slice_id).arrays
    return array_response(service, slice_id, name, known, request, match)


@router.get(
    "/{slice_id}/arrays.npz",
    response_class=Response,
    responses={200: {"content": {NPZ: {}}}},
)
def arrays(identifier: str, slice_id: str, service: Here, match: Match = None) -> Response:
    """Every array of the plane in one file for `numpy.load`."""
    found = service.repository.slice(identifier, slice_id)
    if found.state != "done":
        raise ProblemError(
            "no_arrays_yet", "This plane is not computed.", "Follow its state.", status=404
        )
    return arrays_response(service, slice_id, found.arrays, match)
