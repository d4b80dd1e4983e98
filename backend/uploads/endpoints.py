"""Checkpoints and data sets: streamed in, stored under their sha256, inspected by a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect

from backend.auth.principal import Who
from backend.http import cursors
from backend.jobs.job import JobKind, NewJob
from backend.jobs.rows import as_inspection
from backend.retention.service import forget_results
from backend.service import Here, Service
from backend.storage.incoming import megabytes, no_room
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES, Inspection, Upload, UploadKind, UploadPage

INSPECTIONS: dict[UploadKind, JobKind] = {
    "checkpoint": "inspect_checkpoint",
    "dataset": "inspect_dataset",
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Name = Annotated[str, Query(max_length=255, description="display text only, never a path")]
Limit = Annotated[int, Query(ge=1, le=200)]
labels = APIRouter(prefix="/datasets", tags=["datasets"])


async def _parts(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        sentence = "The connection ended before the file did."
        raise ProblemError("upload_broken_off", sentence, "Send it again.", status=400) from error


async def _receive(service: Service, request: Request) -> tuple[str, int]:
    """The body's sha256 and size, once it is stored durably. Memory use: one chunk."""
    room = service.settings.quota_bytes - await asyncio.to_thread(service.repository.reserved_bytes)
    expected = int(request.headers.get("content-length") or 0)
    if expected > room:
        raise no_room("The upload does not fit into the storage quota.")
    incoming = service.store.incoming(limit=service.settings.max_upload_bytes)
    with incoming:
        async for parts in megabytes(_parts(request)):
            await asyncio.to_thread(incoming.write, *parts)
            if incoming.size > room:
                raise no_room("The upload does not fit into the storage quota.")
        if incoming.size == 0:
            raise ProblemError("empty_file", "The uploaded file is empty.", "Choose another one.")
        path = service.store.blob(incoming.sha256)
        await asyncio.to_thread(incoming.keep, path)
        return incoming.sha256, incoming.size


def register_upload(
    service: Service, kind: UploadKind, name: str, sha256: str, size: int, *, owner: str
) -> str:
    """Writes the row and has a worker inspect the file; the id of that job, "" where it did."""
    now = time.time()
    upload = Upload(
        id=sha256,
        kind=kind,
        name=name or sha256[:12],
        size=size,
        created_at=datetime.fromtimestamp(now, UTC),
        inspection=Inspection(state="pending"),
    )
    document: dict[str, Any] = {
        "files": {kind: sha256},
        "names": {kind: upload.name},
        "parameters": {},
    }
    job = NewJob(INSPECTIONS[kind], sha256, document, owner=owner)
    waits_for = service.repository.add_upload(upload, job, now=now, owner=owner)
    if waits_for == job.id:
        service.send(job.id, job.queue)
    return waits_for


def _remove_analyses(service: Service, identifier: str, owner: str | None) -> None:
    """Every analysis of these bytes with its results, or 409 and none of them."""
    using = service.repository.analyses_using(identifier, owner=owner)
    if any(service.repository.analysis(each).state not in FINAL_STATES for each in using):
        sentence = "An analysis of it has not ended."
        raise ProblemError("not_ended", sentence, "Cancel it first.", status=409)
    for each in using:
        service.repository.delete_analysis(each)
        forget_results(service.repository, service.store, each)
        service.changes.notify(each)


Label = Annotated[str, Query(min_length=1, max_length=200, description="a column or array")]


@labels.get("/{identifier}/labelled")
async def labelled(identifier: str, label: Label, service: Here, who: Who) -> Inspection:
    """What a worker finds in a table once it is known which column holds the labels."""
    name = (await asyncio.to_thread(service.repository.upload, "dataset", identifier)).name
    document: dict[str, Any] = {
        "files": {"dataset": identifier},
        "names": {"dataset": name},
        "parameters": {"label": label},
    }
    job = NewJob("labelled", identifier, document, owner=who.id)
    await asyncio.to_thread(service.start, job)
    status = await service.ended(job.id, seconds=service.settings.inspect_wait_seconds)
    if status.problem:
        raise ProblemError.from_dict(status.problem)
    if status.result is None:
        sentence, advice = "The workers are busy.", "Ask again in a minute."
        raise ProblemError("no_plan_yet", sentence, advice, status=503)
    return as_inspection(status.result)


def upload_router(kind: UploadKind) -> APIRouter:
    """The endpoints of one kind of upload, `/checkpoints` or `/datasets`."""
    router = APIRouter(prefix=f"/{kind}s", tags=[f"{kind}s"])

    @router.post(
        "",
        status_code=201,
        openapi_extra=BODY,
        responses={202: {"model": Upload}},
        name=f"store_{kind}",
    )
    async def store(
        request: Request, response: Response, service: Here, who: Who, name: Name = ""
    ) -> Upload:
        """Stores the raw body; 422 with the worker's own code where it refuses the file."""
        service.count_upload(who)
        sha256, size = await _receive(service, request)
        job = await asyncio.to_thread(
            register_upload, service, kind, name, sha256, size, owner=who.id
        )
        if job:
            await service.ended(job, seconds=service.settings.inspect_wait_seconds)
        upload = await asyncio.to_thread(service.repository.upload, kind, sha256)
        if upload.inspection.state == "refused":
            raise ProblemError.from_dict(
                upload.inspection.problem
                or {"code": "refused", "sentence": "The file was refused."}
            )
        if upload.inspection.state == "pending":
            response.status_code = 202
        return upload

    @router.get("", name=f"list_{kind}s")
    def uploads(
        service: Here, who: Who, limit: Limit = 50, cursor: str | None = None
    ) -> UploadPage:
        """Newest first; give `next` back as `cursor` for the page after."""
        items, last = service.repository.uploads(
            kind, limit=limit, cursor=cursors.decode(cursor), owner=who.owner
        )
        return UploadPage(items=items, next=cursors.encode(last))

    @router.get("/{identifier}", name=f"get_{kind}")
    def upload(identifier: str, service: Here) -> Upload:
        """What the worker found in the file."""
        return service.repository.upload(kind, identifier)

    @router.delete("/{identifier}", status_code=204, name=f"delete_{kind}")
    def remove(identifier: str, service: Here, who: Who, analyses: bool = False) -> None:
        """409 while an analysis uses it; `analyses=true` removes those too, once all have ended.

        Bytes that somebody else uploaded or analyses too stay for them.
        """
        if analyses:
            _remove_analyses(service, identifier, who.owner)
        if service.repository.delete_upload(kind, identifier, owner=who.owner):
            service.store.delete_blob(identifier)

    return router
