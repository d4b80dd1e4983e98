"""Who may ask: Host and Origin checks, tokens, and the headers of every answer."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
import uuid
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import problem_response
from backend.login import COOKIE, good_session, wants_page
from minimascope.problems import ProblemError
from minimascope.settings import Settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
INTERNAL = "/api/v1/internal/"
OPEN_PATHS = {"/api/v1/health/live", "/login"}
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_bind(settings: Settings) -> None:
    """Raises ProblemError `token_required` where others could reach a server without a token."""
    if not is_loopback(settings.host) and not settings.token:
        raise ProblemError(
            "token_required",
            f"Listening on {settings.host} would let anyone in.",
            "Set MINIMASCOPE_TOKEN, or listen on 127.0.0.1.",
        )


def same(given: str, wanted: str) -> bool:
    """Equality in constant time; nothing equals an empty secret."""
    digests = [hashlib.sha256(text.encode()).digest() for text in (given, wanted)]
    return bool(wanted) and hmac.compare_digest(*digests)


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


class Security:
    """ASGI middleware around API and dashboard."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope["minimascope.request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(scope["path"], request_id, MutableHeaders(scope=message))
            await send(message)

        try:
            self._check(HTTPConnection(scope))
        except ProblemError as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            response = self._refusal(problem, request_id, scope)
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, problem: ProblemError, request_id: str, scope: Scope) -> Response:
        """To the sign-in page where a person would otherwise see a bare 401."""
        if problem.status == 401 and wants_page(scope["path"], Headers(scope=scope)):
            return RedirectResponse("/login", status_code=303)
        return problem_response(problem, request_id)

    def _add_headers(self, path: str, request_id: str, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers["x-request-id"] = request_id
        if path.startswith("/api/v1"):
            headers.setdefault("content-security-policy", API_POLICY)

    def _check(self, connection: HTTPConnection) -> None:
        self._check_host(connection.headers)
        self._check_origin(connection)
        path = connection.scope["path"]
        if path.startswith(INTERNAL):
            if not same(_bearer(connection.headers), self._settings.worker_token):
                raise _who("The worker token is missing or wrong.", "MINIMASCOPE_WORKER_TOKEN")
        elif self._settings.token and path not in OPEN_PATHS:
            self._check_person(connection)

    def _check_person(self, connection: HTTPConnection) -> None:
        """The token itself from a script, or the session of a browser that signed in."""
        token, cookie = self._settings.token, connection.cookies.get(COOKIE, "")
        if same(_bearer(connection.headers), token):
            return
        if not good_session(token, cookie, now=time.time()):
            raise _who("This server asks for a token.", "MINIMASCOPE_TOKEN")
        # Browsers name the page a request comes from wherever it changes something.
        unsafe = connection.scope.get("method", "WS") not in SAFE_METHODS
        if unsafe and "origin" not in connection.headers:
            raise ProblemError("wrong_origin", "The request does not say its page.", status=403)

    def _check_host(self, headers: Headers) -> None:
        """Stops DNS rebinding: on loopback only loopback names reach us."""
        if not is_loopback(self._settings.host):
            return
        host = headers.get("host", "")
        if (urlsplit(f"//{host}").hostname or "") not in LOOPBACK | {self._settings.host}:
            raise ProblemError(
                "wrong_host", f"This server does not answer for {host[:80]!r}.", status=421
            )

    def _check_origin(self, connection: HTTPConnection) -> None:
        """A page of another site must not act through a visitor's browser."""
        unsafe = connection.scope.get("method", "WS") not in SAFE_METHODS
        origin = connection.headers.get("origin")
        if unsafe and origin and urlsplit(origin).netloc != connection.headers.get("host"):
            raise ProblemError(
                "wrong_origin", f"Requests from {origin[:80]!r} are not accepted.", status=403
            )


def _who(sentence: str, variable: str) -> ProblemError:
    advice = f"Send it as `Authorization: Bearer …` ({variable} on the server)."
    return ProblemError("unauthorized", sentence, advice, status=401)
