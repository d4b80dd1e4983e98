"""The bytes of an upload on their way in, whole or in pieces."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.http.turns import pace
from backend.storage.files import Store
from backend.uploads.refusals import refuse_beyond_quota, refuse_empty
from minimascope.contract.problems import ProblemError

CHUNK, MOST_PARTS = 1 << 20, 64
# So often it is looked whether everything that arrives still fits.
LOOK_BYTES = 32 << 20


async def megabytes(stream: AsyncIterator[bytes], owner: str) -> AsyncIterator[list[bytes]]:
    """What comes, by the megabyte and as it is: joining it would hold up everybody else.

    Each takes its turn among all that arrives (`backend.http.turns`).
    """
    parts: list[bytes] = []
    turns = pace()
    async for part in stream:
        parts.append(part)
        # A connection may bring them byte by byte.
        if len(parts) >= MOST_PARTS or sum(map(len, parts)) >= CHUNK:
            await turns.turn(owner)
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


class Arriving:
    """Bytes of whole files that are on their way in, by person; of this process."""

    def __init__(self) -> None:
        self._bytes: Counter[str] = Counter()

    def add(self, owner: str, count: int) -> None:
        self._bytes[owner] += count
        if not self._bytes[owner]:
            del self._bytes[owner]

    def of(self, owner: str) -> int:
        return self._bytes[owner]

    def all(self) -> int:
        return self._bytes.total()


async def receive_file(
    store: Store,
    request: Request,
    *,
    room: Callable[[], int],
    arrives: Callable[[int], None],
    owner: str,
    limit: int,
) -> tuple[str, int]:
    """The body's sha256 and size, once it is stored durably. Memory use: one chunk.

    `room` says how many bytes fit beside those that arrive, and is asked now and then; `arrives`
    hears of them as they come, and at the end that none of them does any more.

    Raises ProblemError `storage_full` beyond the room, `too_large` beyond `limit`.
    """
    turns = pace()
    announced = int(request.headers.get("content-length") or 0)
    refuse_beyond_quota(announced, room=await turns.write(owner, room))
    looked = 0
    with store.incoming(limit=limit) as incoming:
        try:
            async for parts in megabytes(whole_body(request), owner):
                await turns.write(owner, incoming.write, *parts)
                arrives(sum(map(len, parts)))
                if incoming.size - looked >= LOOK_BYTES:
                    looked = incoming.size
                    refuse_beyond_quota(0, room=await turns.write(owner, room))
            refuse_empty(incoming.size)
            refuse_beyond_quota(0, room=await turns.write(owner, room))
            path = store.blob(incoming.sha256)
            await turns.write(owner, incoming.keep, path)
        finally:
            arrives(-incoming.size)
        return incoming.sha256, incoming.size
