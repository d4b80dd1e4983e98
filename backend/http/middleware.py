"""Around every request: an id, a bounded body, the headers of the answer, refusals in one form."""

from __future__ import annotations

import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http.body_limits import Body
from backend.http.errors import database_problem, problem_response
from backend.storage.database import AnyDatabaseError
from minimascope.contract.problems import ProblemError
from minimascope.service import tracing

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a form would then say that it comes from the origin "null".
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
# Files of the product, the same for everybody; all else is somebody's and kept by nobody.
SHIPPED = ("/assets/", "/_dash-component-suites/", "/_favicon", "/api/v1/docs/")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def add_headers(path: str, request_id: str, headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["x-request-id"] = request_id
    if path.startswith("/api/v1"):
        headers.setdefault("content-security-policy", API_POLICY)
    if not path.startswith(SHIPPED):
        headers.setdefault("cache-control", "no-store")


class RequestBoundary:
    """ASGI middleware; what is refused further in, but for the endpoints' own, ends here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = scope["minimascope.request_id"] = uuid.uuid4().hex
        tracing.name_request(request_id)
        body = Body(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] >= 400 and not await body.discard():
                    headers["connection"] = "close"
                add_headers(scope["path"], request_id, headers)
            await send(message)

        try:
            body.check()
            inner = body if scope["type"] == "http" else receive
            await self._app(scope, inner, send_with_headers)
        except (ProblemError, AnyDatabaseError) as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            ours = isinstance(error, ProblemError)
            problem = error if ours else database_problem(error, request_id)
            await problem_response(problem, request_id)(scope, receive, send_with_headers)
