"""The next bytes of an upload in pieces: written, counted, made durable now and then."""

from __future__ import annotations

import hashlib

from fastapi import Request

from backend.auth.principal import Principal
from backend.http.turns import pace
from backend.storage.incoming import Partial
from backend.uploads.receiving import body_so_far, megabytes
from backend.uploads.refusals import refuse_beyond_announced, refuse_beyond_quota
from backend.uploads.service import UploadService
from backend.uploads.transfers.repository import Transfer
from minimascope.contract.problems import ProblemError

# Durable this often, so that a killed server costs at most this much of a transfer.
SETTLE_BYTES = 8 << 20


async def receive_piece(
    uploads: UploadService,
    transfer: Transfer,
    request: Request,
    wanted: bytes | None,
    who: Principal,
) -> None:
    """Writes what comes; with a checksum all of it counts or nothing.

    Raises ProblemError `storage_full` where it has no room any more; what came before stays, and
    whoever makes room goes on from there.
    """
    received, settled = transfer.received, transfer.received
    digest = None if wanted is None else hashlib.sha256()
    announced = int(request.headers.get("content-length") or 0)
    await _check_room(uploads, who, announced)
    with uploads.store.partial(transfer.id).opened(transfer.received) as partial:
        async for parts in megabytes(body_so_far(request), who.id):
            received += sum(map(len, parts))
            refuse_beyond_announced(received, announced=transfer.length)
            await pace().write(who.id, partial.write, parts, digest)
            if wanted is None and received - settled >= SETTLE_BYTES:
                await _check_room(uploads, who, received - settled)
                await pace().write(who.id, _settle, uploads, transfer.id, partial, received)
                settled = received
        if digest is not None and digest.digest() != wanted:
            raise ProblemError(
                "checksum_mismatch", "The bytes differ from their checksum; none of them were kept."
            )
        await _check_room(uploads, who, received - settled)
        await pace().write(who.id, _settle, uploads, transfer.id, partial, received)


async def _check_room(uploads: UploadService, who: Principal, size: int) -> None:
    refuse_beyond_quota(size, room=await pace().write(who.id, uploads.room, who))


def _settle(uploads: UploadService, identifier: str, partial: Partial, received: int) -> None:
    partial.settle()
    uploads.transfers.transfer_received(identifier, received)
