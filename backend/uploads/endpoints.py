"""Checkpoints and data sets: stored, listed, looked at. They are removed in `backend.retention`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.auth.permissions import READER, WRITER, reads_upload
from backend.auth.principal import Who
from backend.http import cursors
from backend.uploads.service import Uploads
from minimascope.contract.schemas import Inspection, Upload, UploadKind, UploadPage
from minimascope.contract.weights import WeightReport, WeightsRequest

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Name = Annotated[str, Query(max_length=255, description="display text only, never a path")]
Limit = Annotated[int, Query(ge=1, le=200)]
Label = Annotated[str, Query(min_length=1, max_length=200, description="a column or array")]
labels = APIRouter(prefix="/datasets", tags=["datasets"])
weights = APIRouter(prefix="/weights", tags=["checkpoints"])


@labels.get("/{identifier}/labelled", dependencies=[reads_upload("dataset")])
async def labelled(identifier: str, label: Label, uploads: Uploads, who: Who) -> Inspection:
    """What a worker finds in a table once it is known which column holds the labels."""
    return await uploads.labelled(identifier, label, who)


@weights.post("", dependencies=[WRITER])
async def weighed(request: WeightsRequest, uploads: Uploads, who: Who) -> WeightReport:
    """What the weights of a checkpoint say without data: a row a tensor, a worker's findings.

    With `against`, another checkpoint, also how far each of them moved, and in what rank.
    """
    return await uploads.weights(request, who)


def upload_router(kind: UploadKind) -> APIRouter:
    """The endpoints of one kind of upload, `/checkpoints` or `/datasets`."""
    router = APIRouter(prefix=f"/{kind}s", tags=[f"{kind}s"])

    @router.post(
        "",
        status_code=201,
        openapi_extra=BODY,
        responses={202: {"model": Upload}},
        name=f"store_{kind}",
        dependencies=[WRITER],
    )
    async def store(
        request: Request, response: Response, uploads: Uploads, who: Who, name: Name = ""
    ) -> Upload:
        """Stores the raw body; 422 with the worker's own code where it refuses the file."""
        uploads.count(who)
        upload = await uploads.store_file(kind, name, request, who)
        if upload.inspection.state == "pending":
            response.status_code = 202
        return upload

    @router.get("", name=f"list_{kind}s", dependencies=[READER])
    def page(
        uploads: Uploads, who: Who, limit: Limit = 50, cursor: str | None = None
    ) -> UploadPage:
        """Newest first; give `next` back as `cursor` for the page after."""
        items, last = uploads.repository.uploads(
            kind, limit=limit, cursor=cursors.decode(cursor), owner=who.owner
        )
        return UploadPage(items=items, next=cursors.encode(last))

    @router.get("/{identifier}", name=f"get_{kind}", dependencies=[reads_upload(kind)])
    def upload(identifier: str, uploads: Uploads, who: Who) -> Upload:
        """What the worker found in the file."""
        return uploads.repository.upload(kind, identifier, owner=who.owner)

    return router
