"""The server's end of a connection: what is no HTTP is refused in words, headers have to come."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any, ClassVar

import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.http.errors import problem_document, problem_response
from backend.http.origins import is_loopback
from minimascope.contract.problems import ProblemError

HEADER_SECONDS = 20.0
LINGER_SECONDS = 1.0
# An idle connection is the client's to close (most do after 5 s): where both would at the same
# moment, its next request may meet a closed one.
KEEP_ALIVE_SECONDS = 30
# Of the descriptors; the rest is for files and the database.
MOST_CONNECTIONS = int(0.8 * resource.getrlimit(resource.RLIMIT_NOFILE)[1])


class Protocol(H11Protocol):
    """uvicorn's, with problem documents, and an end to requests that never begin.

    Connections are as many as there are descriptors for; those of one address beyond this machine
    leave three quarters to others.
    """

    most = MOST_CONNECTIONS
    _by_address: ClassVar[Counter[str]] = Counter()
    _address = ""
    _patience: asyncio.TimerHandle | None = None
    _refused = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = str(self.client[0]) if self.client else ""
        Protocol._by_address[self._address] += 1
        if self._too_many():
            self._refuse("too_many_connections", "The server holds as many connections as it can.")
            return
        self._wait_for_headers()

    def _too_many(self) -> bool:
        of_one = 0 if is_loopback(self._address) else Protocol._by_address[self._address]
        return len(self.connections) > self.most or of_one > self.most // 4

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        Protocol._by_address[self._address] -= 1
        if not Protocol._by_address[self._address]:
            del Protocol._by_address[self._address]
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_headers()
        else:
            self._stop_waiting()

    @override
    def send_400_response(self, msg: str) -> None:
        sentence = "This is no HTTP request, or its headers are larger than 64 KiB."
        self._refuse("not_http", sentence)

    def _refuse(self, code: str, sentence: str) -> None:
        document = problem_document(ProblemError(code, sentence))
        body = document.model_dump_json().encode()
        headers = [
            ("content-type", "application/problem+json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            events = (
                h11.Response(status_code=document.status, headers=headers, reason=document.title),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        # Closing with bytes unread would reset the connection, and the answer be lost.
        self._refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _wait_for_headers(self) -> None:
        if self._patience is None and not self._refused and not self.transport.is_closing():
            self._patience = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_slow(self) -> None:
        self._patience = None
        sentence = f"No request came within {HEADER_SECONDS:g} seconds."
        self._refuse("too_slow", sentence)


class Leaving:
    """Around an application: requests that outlast the grace of a stop are told so.

    uvicorn cancels them, and would log each as a fault of the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, events = False, False

        async def noting(message: Message) -> None:
            nonlocal started, events
            if not started:
                kinds = dict(message.get("headers", [])).get(b"content-type", b"")
                started, events = True, kinds.startswith(b"text/event-stream")
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            if not started:
                problem = ProblemError("stopping", "This server is being stopped.")
                request_id = scope.get("minimascope.request_id", "")
                await problem_response(problem, request_id)(scope, receive, send)
            elif events:  # its reader comes back to whoever answers next
                await send({"type": "http.response.body", "body": b""})


def server_config(app: Any, *, grace: int, proxies: str = "") -> uvicorn.Config:
    """How every process of ours listens; `grace` seconds for answers when it stops.

    `X-Forwarded-For` is believed from `proxies` alone: anybody on this machine could say it.
    """
    return uvicorn.Config(
        Leaving(app),
        http=Protocol,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
    )
