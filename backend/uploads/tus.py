"""Resumable uploads, tus 1.0: creation, checksum (sha256), expiration, termination.

A transfer's bytes grow in one file below the store and become visible, under their sha256, when
the last one has come; from there on it is an upload like any other. How many bytes are durable
stands in the database: what a killed process wrote beyond that is cut off at the next PATCH.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, cast, get_args

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.auth.principal import Who
from backend.service import Here, Service
from backend.storage.incoming import Partial, megabytes
from backend.uploads.endpoints import register_upload
from backend.uploads.transfers import Transfer
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import TransferStatus, UploadKind

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
OFFSET_TYPE = "application/offset+octet-stream"
# Durable this often, so that a killed server costs at most this much of a transfer.
SETTLE_BYTES = 8 << 20
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0)]
Length = Annotated[int, Header(alias="Upload-Length", gt=0)]
Metadata = Annotated[str, Header(alias="Upload-Metadata", max_length=4000)]
Checksum = Annotated[str, Header(alias="Upload-Checksum", max_length=200)]
Content = Annotated[str, Header(alias="Content-Type")]
Resumable = Annotated[str, Header(alias="Tus-Resumable", max_length=20)]
_busy: set[str] = set()


async def _version(version: Resumable = VERSION) -> None:
    """A request without one is taken as of this version; raises ProblemError (412)."""
    if version != VERSION:
        sentence = f"This server speaks tus {VERSION}, not {version!r}."
        raise ProblemError("wrong_tus_version", sentence, status=412)


router = APIRouter(prefix="/uploads", tags=["uploads"], dependencies=[Depends(_version)])


def _headers(transfer: Transfer | None = None) -> dict[str, str]:
    headers = {"tus-resumable": VERSION, "cache-control": "no-store"}
    if transfer:
        expires = datetime.fromtimestamp(transfer.expires_at, UTC)
        headers |= {
            "upload-offset": str(transfer.received),
            "upload-length": str(transfer.length),
            "upload-expires": format_datetime(expires, usegmt=True),
        }
    return headers


def _metadata(text: str) -> dict[str, str]:
    """`name base64, name base64`; raises ProblemError `invalid_metadata`."""
    try:
        pairs = [part.split() for part in text.split(",") if part.strip()]
        return {
            pair[0]: base64.b64decode("".join(pair[1:]), validate=True).decode() for pair in pairs
        }
    except (binascii.Error, UnicodeDecodeError, IndexError) as error:
        sentence = f"Upload-Metadata cannot be read: {text[:80]!r}."
        raise ProblemError("invalid_metadata", sentence) from error


def _kind(metadata: dict[str, str]) -> UploadKind:
    kind = metadata.get("kind", "checkpoint")
    if kind not in get_args(UploadKind):
        sentence = f"{kind[:80]!r} is no kind of upload."
        raise ProblemError("invalid_metadata", sentence, "Give checkpoint or dataset.")
    return cast(UploadKind, kind)


@router.options("", status_code=204)
async def abilities(service: Here) -> Response:
    """What this server can do of tus."""
    headers = {
        "tus-resumable": VERSION,
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(service.settings.max_upload_bytes),
        "tus-checksum-algorithm": "sha256",
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, response_class=Response)
def create(service: Here, who: Who, length: Length, metadata: Metadata = "") -> Response:
    """Announces `Upload-Length` bytes; metadata `filename` and `kind` (checkpoint or dataset).

    The bytes count against the quota from here on: 413 where the file is too large, 507 where
    there is no room for it.
    """
    service.count_upload(who)
    if length > service.settings.max_upload_bytes:
        raise ProblemError(
            "too_large",
            f"{length} bytes are more than the limit of {service.settings.max_upload_bytes}.",
            "Raise MINIMASCOPE_MAX_UPLOAD_BYTES on the server.",
            status=413,
        )
    known = _metadata(metadata)
    transfer = Transfer(
        id=uuid.uuid4().hex,
        kind=_kind(known),
        name=known.get("filename", "").replace("\0", "")[:255],
        length=length,
        received=0,
        sha256="",
        expires_at=time.time() + service.settings.transfer_seconds,
        owner=who.id,
    )
    service.repository.add_transfer(transfer, quota=service.settings.quota_bytes)
    service.store.partial(transfer.id).create()
    headers = {**_headers(transfer), "location": f"/api/v1/uploads/{transfer.id}"}
    return Response(status_code=201, headers=headers)


@router.head("/{identifier}", response_class=Response)
def offset(identifier: str, service: Here) -> Response:
    """Where to go on, in `Upload-Offset`."""
    with _alone(identifier):
        transfer = _finished(service, identifier)
    return Response(status_code=200, headers=_headers(transfer))


@router.get("/{identifier}")
def status(identifier: str, service: Here) -> TransferStatus:
    """The same as JSON, with the id of the upload it became."""
    transfer = service.repository.transfer(identifier, now=time.time())
    return TransferStatus(
        id=transfer.id,
        kind=transfer.kind,
        name=transfer.name,
        length=transfer.length,
        received=transfer.received,
        upload=transfer.sha256 or None,
    )


@router.delete("/{identifier}", status_code=204, response_class=Response)
def terminate(identifier: str, service: Here) -> Response:
    """Gives the transfer up and frees its room; an upload it became stays."""
    service.repository.transfer(identifier, now=time.time())
    with _alone(identifier):
        give_up(service, identifier)
    return Response(status_code=204, headers=_headers())


@router.patch("/{identifier}", status_code=204, response_class=Response)
async def append(
    identifier: str,
    request: Request,
    service: Here,
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
        raise ProblemError("wrong_content_type", sentence, f"Send {OFFSET_TYPE}.", status=415)
    with _alone(identifier):
        transfer = await asyncio.to_thread(service.repository.transfer, identifier, now=time.time())
        if offset != transfer.received:
            sentence = f"{transfer.received} bytes are here, not {offset}."
            raise ProblemError(
                "wrong_offset", sentence, "Ask with HEAD where to go on.", status=409
            )
        wanted = _wanted(checksum)
        await _receive(service, transfer, request, wanted)
        transfer = await asyncio.to_thread(_finished, service, identifier)
    return Response(status_code=204, headers=_headers(transfer))


def _wanted(checksum: str) -> bytes | None:
    """The announced sha256 of this piece."""
    if not checksum:
        return None
    algorithm, _, digest = checksum.partition(" ")
    try:
        if algorithm == "sha256":
            return base64.b64decode(digest, validate=True)
    except binascii.Error:
        pass
    sentence = f"Upload-Checksum {checksum[:80]!r} is no sha256 in base64."
    raise ProblemError("invalid_checksum", sentence, status=400)


async def _whole_connection(request: Request) -> AsyncIterator[bytes]:
    """What comes; a connection that breaks or stalls is an end like any other."""
    with contextlib.suppress(ClientDisconnect, HTTPException):  # the latter: it stalls
        async for part in request.stream():
            yield part


async def _receive(
    service: Service, transfer: Transfer, request: Request, wanted: bytes | None
) -> None:
    """Writes what comes; with a checksum all of it counts or nothing."""
    received, settled = transfer.received, transfer.received
    digest = None if wanted is None else hashlib.sha256()
    with service.store.partial(transfer.id).opened(transfer.received) as partial:
        async for parts in megabytes(_whole_connection(request)):
            received += sum(map(len, parts))
            if received > transfer.length:
                sentence = f"More than the announced {transfer.length} bytes came."
                raise ProblemError("too_large", sentence, status=413)
            await asyncio.to_thread(partial.write, parts, digest)
            if wanted is None and received - settled >= SETTLE_BYTES:
                await asyncio.to_thread(_settle, service, transfer.id, partial, received)
                settled = received
        if digest is not None and digest.digest() != wanted:
            raise ProblemError(
                "checksum_mismatch",
                "The bytes differ from their checksum; none of them were kept.",
                "Send them again.",
                status=460,
            )
        await asyncio.to_thread(_settle, service, transfer.id, partial, received)


def _settle(service: Service, identifier: str, partial: Partial, received: int) -> None:
    partial.settle()
    service.repository.transfer_received(identifier, received)


def _finished(service: Service, identifier: str) -> Transfer:
    """The transfer; one whose last byte has come is moved into the store and inspected.

    Every step may be repeated: a server that is killed in between goes on at the next request.
    """
    transfer = service.repository.transfer(identifier, now=time.time())
    if transfer.received < transfer.length or transfer.sha256:
        return transfer
    partial = service.store.partial(transfer.id)
    sha256 = partial.sha256()
    partial.keep(service.store.blob(sha256))
    register_upload(
        service, transfer.kind, transfer.name, sha256, transfer.length, owner=transfer.owner
    )
    service.repository.transfer_received(transfer.id, transfer.length, sha256=sha256)
    partial.remove()
    return service.repository.transfer(identifier, now=time.time())


@contextlib.contextmanager
def _alone(identifier: str) -> Iterator[None]:
    """One writer a transfer: a second one would mix its bytes in."""
    if identifier in _busy:
        sentence = "Another request is writing to this upload."
        raise ProblemError("transfer_busy", sentence, "Try again when it ended.", status=423)
    _busy.add(identifier)
    try:
        yield
    finally:
        _busy.discard(identifier)


def give_up(service: Service, identifier: str) -> None:
    service.store.partial(identifier).remove()
    service.repository.delete_transfer(identifier)


def expire(service: Service) -> None:
    """Gives up what nobody went on with; called by the reaper."""
    for identifier in service.repository.expired_transfers(now=time.time()):
        if identifier not in _busy:
            give_up(service, identifier)
