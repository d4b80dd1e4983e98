"""Resumable uploads, tus 1.0: creation, checksum (sha256), expiration, termination.

A transfer's bytes grow in one file below the store and become visible, under their sha256, when
the last one has come; from there on it is an upload like any other. How many bytes are durable
stands in the database: what a killed process wrote beyond that is cut off at the next PATCH.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from backend.auth.permissions import (
    CHANGES_TRANSFER,
    READER,
    READS_TRANSFER,
    WRITER,
    Access,
)
from backend.auth.principal import Who
from backend.http.turns import pace
from backend.uploads.refusals import (
    refuse_beyond_limit,
)
from backend.uploads.service import Uploads, UploadService
from backend.uploads.transfers.repository import Transfer
from backend.uploads.tus_protocol import (
    EXTENSIONS,
    OFFSET_TYPE,
    VERSION,
    check_version,
    parse_metadata,
    tus_headers,
    upload_kind,
    wanted_digest,
)
from backend.uploads.tus_receiving import receive_piece
from minimascope.contract.names import visible
from minimascope.contract.people import TransferPage
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import TransferStatus

# One person's that have not ended; each holds a file and a row.
MOST_TRANSFERS = 100
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0)]
Length = Annotated[int, Header(alias="Upload-Length", gt=0)]
Metadata = Annotated[str, Header(alias="Upload-Metadata", max_length=4000)]
Checksum = Annotated[str, Header(alias="Upload-Checksum", max_length=200)]
Content = Annotated[str, Header(alias="Content-Type")]
_busy: set[str] = set()


router = APIRouter(prefix="/uploads", tags=["uploads"], dependencies=[Depends(check_version)])


@router.options("", status_code=204, dependencies=[READER])
async def abilities(uploads: Uploads) -> Response:
    """What this server can do of tus."""
    headers = {
        "tus-resumable": VERSION,
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(uploads.settings.max_upload_bytes),
        "tus-checksum-algorithm": "sha256",
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, response_class=Response, dependencies=[WRITER])
def create(uploads: Uploads, who: Who, length: Length, metadata: Metadata = "") -> Response:
    """Announces `Upload-Length` bytes; metadata `filename` and `kind` (checkpoint or dataset).

    413 where the file is too large, 507 where there is no room for it now, 429 where many of one
    person have not ended. Bytes count against the quota as they come.
    """
    uploads.count(who)
    refuse_beyond_limit(length, limit=uploads.settings.max_upload_bytes)
    known = parse_metadata(metadata)
    transfer = Transfer(
        id=uuid.uuid4().hex,
        kind=upload_kind(known),
        name=visible(known.get("filename", "")[:255]),
        length=length,
        received=0,
        sha256="",
        expires_at=time.time() + uploads.settings.transfer_seconds,
        owner=who.id,
    )
    uploads.transfers.add_transfer(transfer, **uploads.quotas(who), most=MOST_TRANSFERS)
    uploads.store.partial(transfer.id).create()
    headers = {**tus_headers(transfer), "location": f"/api/v1/uploads/{transfer.id}"}
    return Response(status_code=201, headers=headers)


@router.get("", dependencies=[READER])
def going(uploads: Uploads, access: Access, who: Who) -> TransferPage:
    """Those that have not ended: one's own, for admins everybody's; DELETE gives one up."""
    names = {user.id: user.name for user in access.users()} if who.owner is None else {}
    return TransferPage(items=uploads.transfers.open_transfers(owner=who.owner, names=names))


@router.head("/{identifier}", response_class=Response, dependencies=[READS_TRANSFER])
def offset(identifier: str, uploads: Uploads) -> Response:
    """Where to go on, in `Upload-Offset`."""
    with _alone(identifier):
        transfer = _finished(uploads, identifier)
    return Response(status_code=200, headers=tus_headers(transfer))


@router.get("/{identifier}", dependencies=[READS_TRANSFER])
def status(identifier: str, uploads: Uploads) -> TransferStatus:
    """The same as JSON, with the id of the upload it became."""
    transfer = uploads.transfers.transfer(identifier, now=time.time())
    return TransferStatus(
        id=transfer.id,
        kind=transfer.kind,
        name=transfer.name,
        length=transfer.length,
        received=transfer.received,
        upload=transfer.sha256 or None,
    )


@router.delete(
    "/{identifier}",
    status_code=204,
    response_class=Response,
    dependencies=[CHANGES_TRANSFER],
)
def terminate(identifier: str, uploads: Uploads) -> Response:
    """Gives the transfer up and frees its room; an upload it became stays."""
    uploads.transfers.transfer(identifier, now=time.time())
    with _alone(identifier):
        give_up(uploads, identifier)
    return Response(status_code=204, headers=tus_headers())


@router.patch(
    "/{identifier}",
    status_code=204,
    response_class=Response,
    dependencies=[CHANGES_TRANSFER],
)
async def append(
    identifier: str,
    request: Request,
    uploads: Uploads,
    who: Who,
    offset: Offset,
    content: Content = "",
    checksum: Checksum = "",
) -> Response:
    """Takes the next bytes; the last ones make it an upload, inspected like any other.

    409 where `Upload-Offset` is not the durable one, 460 where the checksum differs (nothing is
    kept then), 423 while another request writes.
    """
    if content != OFFSET_TYPE:
        sentence = f"The content type is {content[:80]!r}."
        raise ProblemError("wrong_content_type", sentence, f"Send {OFFSET_TYPE}.")
    with _alone(identifier):
        transfer = await asyncio.to_thread(uploads.transfers.transfer, identifier, now=time.time())
        if offset != transfer.received:
            sentence = f"{transfer.received} bytes are here, not {offset}."
            raise ProblemError("wrong_offset", sentence)
        wanted = wanted_digest(checksum)
        await receive_piece(uploads, transfer, request, wanted, who)
        transfer = await pace().write(who.id, _finished, uploads, identifier)
    return Response(status_code=204, headers=tus_headers(transfer))


def _finished(uploads: UploadService, identifier: str) -> Transfer:
    """The transfer; one whose last byte has come is moved into the store and inspected.

    Every step may be repeated: a server that is killed in between goes on at the next request.
    """
    transfer = uploads.transfers.transfer(identifier, now=time.time())
    if transfer.received < transfer.length or transfer.sha256:
        return transfer
    partial = uploads.store.partial(transfer.id)
    sha256 = partial.sha256()
    partial.keep(uploads.store.blob(sha256))
    uploads.register(transfer.kind, transfer.name, sha256, transfer.length, owner=transfer.owner)
    uploads.transfers.transfer_received(transfer.id, transfer.length, sha256=sha256)
    partial.remove()
    return uploads.transfers.transfer(identifier, now=time.time())


@contextlib.contextmanager
def _alone(identifier: str) -> Iterator[None]:
    """One writer a transfer: a second one would mix its bytes in."""
    if identifier in _busy:
        sentence = "Another request is writing to this upload."
        raise ProblemError("transfer_busy", sentence)
    _busy.add(identifier)
    try:
        yield
    finally:
        _busy.discard(identifier)


def give_up(uploads: UploadService, identifier: str) -> None:
    uploads.store.partial(identifier).remove()
    uploads.transfers.delete_transfer(identifier)


def expire(uploads: UploadService) -> None:
    """Gives up what nobody went on with; called by the reaper."""
    for identifier in uploads.transfers.expired_transfers(now=time.time()):
        if identifier not in _busy:
            give_up(uploads, identifier)
