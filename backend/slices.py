"""Planes on demand: asked for, computed by a worker, kept until nobody asks for a day.

A slice's id follows from the question (minimascope.slices), so the same question is answered from
the store; it runs on the queue of inspections and never waits behind an analysis.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.jobs import NewJob
from backend.repository import Repository
from backend.representations import JSON, NPY, NPZ, Match
from backend.results import array_response, arrays_response
from backend.service import Here, Service
from backend.store import Store
from minimascope.problems import ProblemError
from minimascope.schemas import FINAL_STATES, Analysis
from minimascope.slices import Slice, SliceRequest

router = APIRouter(prefix="/analyses/{identifier}/slices", tags=["slices"])
Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait for the answer")]
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


def _asked(service: Service, identifier: str, request: SliceRequest) -> str:
    """The id of the slice, which a worker computes unless the answer is there."""
    job = _job(service.repository.analysis(identifier), request)
    if service.repository.ask_slice(job, now=time.time()):
        service.store.delete_result(job.id)
        service.send(job.id, job.queue)
    return job.id


def forget(repository: Repository, store: Store, analysis: str) -> None:
    """Removes every plane of an analysis."""
    for each in repository.forget_slices(analysis=analysis):
        store.delete_result(each)


@router.post("", responses={202: {"model": Slice, "description": "A worker computes it."}})
async def ask(
    identifier: str, request: SliceRequest, response: Response, service: Here, wait: Wait = 0.0
) -> Slice:
    """A plane through input space: 200 where its arrays are there, 202 while they are computed.

    Ask again, or follow `Location`, until it is done; the same question has the same id. A plane
    that does not exist is refused with `no_such_slice`.
    """
    slice_id = await asyncio.to_thread(_asked, service, identifier, request)
    found = await _awaited(service, identifier, slice_id, wait)
    if found.problem:
        raise ProblemError.from_dict(found.problem)
    if found.state != "done":
        response.status_code = 202
    response.headers["location"] = f"/api/v1/analyses/{identifier}/slices/{slice_id}"
    return found


async def _awaited(service: Service, analysis: str, identifier: str, wait: float) -> Slice:
    found = await asyncio.to_thread(service.repository.slice, analysis, identifier)
    if found.state in FINAL_STATES or not wait:
        return found
    await service.ended(identifier, seconds=wait)
    return await asyncio.to_thread(service.repository.slice, analysis, identifier)


@router.get("/{slice_id}")
async def status(identifier: str, slice_id: str, service: Here, wait: Wait = 0.0) -> Slice:
    """How far a plane is; `wait` answers when it ends, or after so many seconds."""
    return await _awaited(service, identifier, slice_id, wait)


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
