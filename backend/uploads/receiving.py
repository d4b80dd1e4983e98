"""The bytes of an upload on their way in, whole or in pieces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.storage.files import Store
from backend.uploads.refusals import refuse_beyond_quota, refuse_empty
from minimascope.contract.problems import ProblemError

CHUNK, MOST_PARTS = 1 << 20, 64


async def megabytes(stream: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """What comes, by the megabyte and as it is: joining it would hold up everybody else."""
    parts: list[bytes] = []
    async for part in stream:
        parts.append(part)
        # A connection may bring them byte by byte.
        if len(parts) >= MOST_PARTS or sum(map(len, parts)) >= CHUNK:
            yield parts
            parts = list[bytes]()
    if parts:
        yield parts


async def whole_body(request: Request) -> AsyncIterator[bytes]:
    """What comes; raises ProblemError `upload_broken_off` where the connection breaks."""
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        sentence = "The connection ended before the file did."
        raise ProblemError("upload_broken_off", sentence) from error


async def body_so_far(request: Request) -> AsyncIterator[bytes]:
    """What comes; a connection that breaks or stalls is an end like any other."""
    with contextlib.suppress(ClientDisconnect, HTTPException):  # the latter: it stalls
        async for part in request.stream():
            yield part


async def receive_file(store: Store, request: Request, *, room: int, limit: int) -> tuple[str, int]:
    """The body's sha256 and size, once it is stored durably. Memory use: one chunk.

    Raises ProblemError `storage_full` beyond `room` bytes, `too_large` beyond `limit`.
    """
    refuse_beyond_quota(int(request.headers.get("content-length") or 0), room=room)
    with store.incoming(limit=limit) as incoming:
        async for parts in megabytes(whole_body(request)):
            await asyncio.to_thread(incoming.write, *parts)
            refuse_beyond_quota(incoming.size, room=room)
        refuse_empty(incoming.size)
        path = store.blob(incoming.sha256)
        await asyncio.to_thread(incoming.keep, path)
        return incoming.sha256, incoming.size
