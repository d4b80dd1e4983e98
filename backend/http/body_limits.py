"""Bodies of requests: how long one may stall, and how large one that is no upload may be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from minimascope.contract.problems import ProblemError

# An upload that stalls longer holds its place for nobody: the client comes back and resumes.
STALL_SECONDS = 60.0
# So much has to come while one is waited for so long: 1 KiB a second.
LEAST_BYTES = 60 << 10
MIB = 1 << 20
# What is left of a refused body is read and thrown away up to here. A connection closed on a client
# that still sends takes the answer with it.
DISCARD_BYTES, DISCARD_SECONDS = 64 * MIB, 2.0
# Uploads and workers' results are bounded where they are stored.
UNBOUNDED = (
    "/api/v1/checkpoints",
    "/api/v1/datasets",
    "/api/v1/uploads/",
    "/api/v1/reports",
    "/api/v1/internal/",
)
# An architecture of a thousand layers is a tenth of this; a page sends its figures' state.
API_BYTES, PAGE_BYTES = 2 * MIB, 32 * MIB


def most_bytes(path: str) -> int | None:
    if path.startswith(UNBOUNDED):
        return None
    return API_BYTES if path.startswith("/api/") else PAGE_BYTES


def _sentence(limit: int) -> str:
    return f"The body of this request is larger than {limit // MIB} MiB."


class Body:
    """`receive` of one request: 408 where nothing comes for long, 413 where too much does."""

    def __init__(
        self, scope: Scope, receive: Receive, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._receive, self._limit = receive, most_bytes(scope["path"])
        self._size, self._whole, self._late = 0, False, False
        self._waited, self._came = 0.0, 0
        self._headers = Headers(scope=scope)

    def check(self) -> None:
        """Raises ProblemError `body_too_large` where the request says so beforehand."""
        announced = self._headers.get("content-length", "")
        if self._limit and announced.isdigit() and int(announced[:20]) > self._limit:
            raise ProblemError("body_too_large", _sentence(self._limit))

    async def __call__(self) -> Message:
        if self._whole:  # from here on it waits for the end of the connection
            return await self._receive()
        began = self._now()
        try:
            async with asyncio.timeout(STALL_SECONDS):
                message = await self._receive()
        except TimeoutError as error:
            raise self._too_slow(f"Nothing of the body came for {STALL_SECONDS:g} s.") from error
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        self._keep_pace(self._now() - began, len(message.get("body", b"")))
        if self._limit and self._size > self._limit:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise HTTPException(status, _sentence(self._limit))
        return message

    def _keep_pace(self, waited: float, came: int) -> None:
        """A byte now and then would hold a place as well as none."""
        self._waited, self._came = self._waited + waited, self._came + came
        if self._waited < STALL_SECONDS:
            return
        if self._came < LEAST_BYTES and not self._whole:
            words = f"{self._came} bytes of the body came in {self._waited:.0f} s"
            raise self._too_slow(f"{words}; at least {LEAST_BYTES} have to.")
        self._waited, self._came = 0.0, 0

    def _too_slow(self, sentence: str) -> HTTPException:
        self._late = True
        return HTTPException(HTTPStatus.REQUEST_TIMEOUT, sentence)

    async def discard(self) -> bool:
        """Reads on for a while after a refusal, so that the client comes to read its answer.

        False where something may still be coming: the connection is then of no further use.
        """
        waits = self._size == 0 and "expect" in self._headers  # for leave to send anything
        if self._late or waits:
            return False
        rest = DISCARD_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self._whole and rest > 0:
                    message = await self._receive()
                    rest -= len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)
        return self._whole
