"""One server over HTTP: calls performed, and performed again where that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import httpx

from minimascope.client import calls
from minimascope.client.calls import CHUNK, PREFIX, TIMEOUT, Call, authorization
from minimascope.contract.problems import ProblemError

T = TypeVar("T")
# Refusals of a moment: the same call may be answered a moment later.
PASSING = ("database_away", "stopping", "too_many_requests", "store_unavailable")
PAUSES = (0.3, 1.0, 3.0)  # seconds before each new try
Content = Callable[[], Iterator[bytes]]


class Connection:
    """A server and a token; `transport` keeps it inside one process (`httpx.ASGITransport`)."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        transport: httpx.BaseTransport | None = None,
        retries: int = len(PAUSES),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._pauses = PAUSES[:retries]
        self._answered = False
        self._http = httpx.Client(
            base_url=self.base_url + PREFIX,
            headers=authorization(token),
            transport=transport,
            timeout=TIMEOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections.

        >>> client = Client("http://127.0.0.1:8717")
        >>> client.close()
        """
        self._http.close()

    def send(self, call: Call[T], content: Content | None = None) -> T:
        """Performs one call of `minimascope.client.calls`; raises ProblemError.

        Where a connection breaks or the server refuses for a moment, calls that may be repeated
        are, a few times. A server that never answered is not asked twice.

        >>> client.send(calls.ready())
        {'state': 'ready', ...}
        """
        pauses = iter(self._pauses if call.repeatable else ())
        while True:
            try:
                return self._sent(call, content)
            except ProblemError as problem:
                pause = next(pauses, None)
                if pause is None or not self._passes(problem):
                    raise
            time.sleep(pause)

    def _passes(self, problem: ProblemError) -> bool:
        """Whether the next try may find what this one did not."""
        if problem.code == "server_unreachable":
            return self._answered
        return problem.code in PASSING

    def _sent(self, call: Call[T], content: Content | None) -> T:
        try:
            response = self._http.request(
                call.method,
                call.path,
                params=dict(call.params),
                json=call.json,
                headers=dict(call.headers),
                content=None if content is None else content(),
            )
        except httpx.TransportError as error:
            raise calls.unreachable(self.base_url, error) from error
        self._answered = True
        calls.check(response)
        return call.decode(response)


def chunks(file: BinaryIO, start: int) -> Content:
    """What is in a file from `start` on, as often as it is asked for."""

    def each() -> Iterator[bytes]:
        if file.seekable():
            file.seek(start)
        while chunk := file.read(CHUNK):
            yield chunk

    return each
