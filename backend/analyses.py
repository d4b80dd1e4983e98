"""Analyses: submitted, listed, cancelled, tried again, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from backend import cursors
from backend.jobs import NewJob
from backend.service import Here, Service
from minimascope.problems import ProblemError
from minimascope.schemas import Analysis, AnalysisPage, AnalysisRequest, State, Upload, UploadKind

router = APIRouter(prefix="/analyses", tags=["analyses"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


def _accepted(service: Service, kind: UploadKind, identifier: str) -> Upload:
    """An upload that an analysis may use."""
    try:
        upload = service.repository.upload(kind, identifier)
    except ProblemError as missing:
        raise ProblemError(missing.code, missing.sentence, f"Upload the {kind} first.") from missing
    if upload.inspection.state == "refused" and upload.inspection.problem:
        raise ProblemError.from_dict(upload.inspection.problem)
    return upload


def _document(service: Service, request: AnalysisRequest) -> dict[str, Any]:
    files = {"checkpoint": request.checkpoint, "train": request.train}
    if request.test:
        files["test"] = request.test
    names = {
        role: _accepted(service, "checkpoint" if role == "checkpoint" else "dataset", sha).name
        for role, sha in files.items()
    }
    parameters = request.parameters.model_dump(mode="json")
    return {"files": files, "names": names, "parameters": parameters}


def _known(service: Service, key: str | None, request_hash: str) -> Analysis | None:
    found = service.repository.analysis_by_key(key) if key else None
    if found is None:
        return None
    if found[1] != request_hash:
        raise ProblemError(
            "idempotency_key_reused",
            f"The Idempotency-Key {key!r} belongs to another submission.",
            "Make a new key for a new submission.",
            status=409,
        )
    return service.repository.analysis(found[0])


def _queue(
    service: Service,
    request: AnalysisRequest,
    document: dict[str, Any],
    *,
    key: str | None,
    request_hash: str,
) -> Analysis:
    stages = tuple(request.parameters.stages)
    job = NewJob("analysis", request.checkpoint, document, stages=stages)
    service.repository.add_analysis(
        request, job, now=time.time(), idempotency_key=key, request_hash=request_hash
    )
    service.send(job.id, job.queue)
    return service.repository.analysis(job.id)


@router.post("", status_code=201)
async def submit(request: AnalysisRequest, service: Here, key: Key = None) -> Analysis:
    """Queues an analysis, after a worker has loaded the files and seen that they fit."""
    request_hash = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    known = await asyncio.to_thread(_known, service, key, request_hash)
    if known:
        return known
    document = await asyncio.to_thread(_document, service, request)
    check = NewJob("check", request.checkpoint, document)
    await asyncio.to_thread(service.start, check)
    status = await service.ended(check.id, seconds=service.settings.inspect_wait_seconds)
    if status.state == "failed" and status.problem:
        raise ProblemError.from_dict(status.problem)
    # A check that still waits for a worker is not a refusal: the analysis checks again.
    return await asyncio.to_thread(
        _queue, service, request, document, key=key, request_hash=request_hash
    )


@router.get("")
def analyses(
    service: Here,
    limit: Limit = 50,
    cursor: str | None = None,
    state: State | None = None,
    q: Annotated[str, Query(max_length=200, description="part of the name")] = "",
) -> AnalysisPage:
    items, last = service.repository.analyses(
        limit=limit, cursor=cursors.decode(cursor), state=state, q=q
    )
    return AnalysisPage(items=items, next=cursors.encode(last))


@router.get("/{identifier}")
def analysis(identifier: str, service: Here) -> Analysis:
    return service.repository.analysis(identifier)


@router.post("/{identifier}/cancel")
def cancel(identifier: str, service: Here) -> Analysis:
    """A running analysis ends within two seconds; 409 where it has ended."""
    service.repository.cancel(identifier, now=time.time())
    service.changes.notify(identifier)
    return service.repository.analysis(identifier)


@router.post("/{identifier}/retry")
def retry(identifier: str, service: Here) -> Analysis:
    """Queues a failed or cancelled analysis again, from its start."""
    queue = service.repository.retry(identifier)
    service.store.delete_result(identifier)
    service.send(identifier, queue)
    service.changes.notify(identifier)
    return service.repository.analysis(identifier)


@router.delete("/{identifier}", status_code=204)
def remove(identifier: str, service: Here) -> None:
    """Removes an ended analysis with its report and arrays; its files stay."""
    service.repository.delete_analysis(identifier)
    service.store.delete_result(identifier)
