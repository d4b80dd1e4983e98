"""Who may ask: Host and Origin checks, tokens, and the headers of every answer."""

from __future__ import annotations

import asyncio
import ipaddress
import time
import uuid
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.auth import share_links as guests
from backend.auth.authentication import Doors, same
from backend.auth.login import COOKIE, wants_page
from backend.auth.principal import ACTING, ANYONE, Principal
from backend.http.body_limits import Body
from backend.http.errors import database_problem, problem_response
from backend.operations.audit import Auditor
from backend.service import Service
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service import tracing

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
INTERNAL = "/api/v1/internal/"
OPEN_PATHS = {"/api/v1/health/live", "/login"}
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a form would then say that it comes from the origin "null".
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
# What a worker's endpoints see: the fencing tokens of its jobs say the rest.
WORKERS = Principal("", "worker", "admin")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_bind(settings: Settings, *, has_users: bool) -> None:
    """Raises ProblemError `token_required` where others could reach a server without a token."""
    if not is_loopback(settings.host) and not settings.token and not has_users:
        raise ProblemError(
            "token_required",
            f"Listening on {settings.host} would let anyone in.",
            "Make a user with `minimascope users create NAME`, set MINIMASCOPE_TOKEN, or listen "
            "on 127.0.0.1.",
        )


def _place(address: str) -> SplitResult:
    """Its parts; none where it is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _unsafe(connection: HTTPConnection) -> bool:
    """Whether it may change something."""
    return connection.scope.get("method", "WS") not in SAFE_METHODS


class Security:
    """ASGI middleware around API and dashboard."""

    def __init__(self, app: ASGIApp, settings: Settings, doors: Doors, service: Service) -> None:
        self._app, self._settings = app, settings
        self._doors, self._service = doors, service
        self._auditor = Auditor(service.repository)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = scope["minimascope.request_id"] = uuid.uuid4().hex
        tracing.name_request(request_id)
        began, status, who = time.monotonic(), 500, None
        body = Body(scope, receive)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400 and not await body.discard():
                    MutableHeaders(scope=message)["connection"] = "close"
                self._keep_link(scope, who, MutableHeaders(scope=message))
                self._add_headers(scope["path"], request_id, MutableHeaders(scope=message))
            await send(message)

        try:
            who = scope["minimascope.principal"] = await self._check(HTTPConnection(scope))
            body.check()
            acting = ACTING.set(who)
            try:
                inner = body if scope["type"] == "http" else receive
                await self._app(scope, inner, send_with_headers)
            finally:
                ACTING.reset(acting)
        except (ProblemError, OperationalError) as error:
            # Of the database only our own look-ups come here; the endpoints' end at their app.
            away = isinstance(error, OperationalError)
            problem = database_problem(error, request_id) if away else error
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            response = self._refusal(problem, request_id, scope)
            await response(scope, receive, send_with_headers)
        finally:
            if scope["type"] == "http" and not self._inner(Headers(scope=scope)):
                self._auditor.note(scope, who, status, began=began)

    def _keep_link(self, scope: Scope, who: Principal | None, headers: MutableHeaders) -> None:
        """A page opened by a shared link keeps the link's key for what it asks next."""
        if scope["type"] != "http" or who is None or not who.shares:
            return
        if kept := guests.cookie(HTTPConnection(scope)):
            headers.append("set-cookie", kept)

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

    async def _check(self, connection: HTTPConnection) -> Principal:
        self._check_host(connection.headers)
        self._check_origin(connection)
        self._check_text(connection)
        path = connection.scope["path"]
        if path.startswith(INTERNAL):
            return await self._worker(_bearer(connection.headers))
        if self._inner(connection.headers):
            who = ACTING.get()
            if who is None:
                raise _who("Nobody asks for this page.", "MINIMASCOPE_TOKEN")
            if not guests.may_see(who, path):
                raise _who("A shared link opens its own analysis only.", "MINIMASCOPE_TOKEN")
        elif path in OPEN_PATHS or not await self._doors.locked():
            return ANYONE
        else:
            who = await self._person(connection)
        # A page's callbacks change nothing by themselves; what they ask of the API is checked.
        if who.scope == "read" and _unsafe(connection) and path.startswith("/api/"):
            raise ProblemError("forbidden", f"{who.name} may only read here.", status=403)
        return who

    def _inner(self, headers: Headers) -> bool:
        """The dashboard inside this process, which asks for whoever asked it."""
        return same(_bearer(headers), self._service.inner_token)

    async def _worker(self, token: str) -> Principal:
        """The workers' common token, or a user's of the scope worker."""
        if not same(token, self._settings.worker_token):
            found = await self._doors.by_token(token)
            if found is None or found.principal.scope != "worker":
                raise _who("The worker token is missing or wrong.", "MINIMASCOPE_WORKER_TOKEN")
        return WORKERS

    async def _person(self, connection: HTTPConnection) -> Principal:
        """The token itself from a script, or the session of a browser that signed in."""
        found = await self._doors.by_token(_bearer(connection.headers))
        if found and found.principal.scope != "worker":
            return found.principal
        who = await self._visitor(connection)
        # Browsers name the page a request comes from wherever it changes something.
        if _unsafe(connection) and "origin" not in connection.headers:
            raise ProblemError("wrong_origin", "The request does not say its page.", status=403)
        return who

    async def _visitor(self, connection: HTTPConnection) -> Principal:
        """A browser: signed in, or with a shared link, or both."""
        cookie = connection.cookies.get(COOKIE, "")
        who = await self._doors.by_session(cookie, now=time.time())
        if who is not None:
            return guests.with_shares(who, connection)
        reader = await asyncio.to_thread(guests.guest, connection, self._service.repository)
        if reader is None:
            raise _who("This server asks for a token.", "MINIMASCOPE_TOKEN")
        return reader

    def _check_host(self, headers: Headers) -> None:
        """Stops DNS rebinding: on loopback only loopback names reach us."""
        if not is_loopback(self._settings.host):
            return
        host = headers.get("host", "")
        if _place(f"//{host}").hostname not in LOOPBACK | {self._settings.host}:
            raise ProblemError(
                "wrong_host", f"This server does not answer for {host[:80]!r}.", status=421
            )

    def _check_text(self, connection: HTTPConnection) -> None:
        """PostgreSQL's text holds no NUL, and no name or id needs one."""
        if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
            raise ProblemError("invalid_request", "The address holds a NUL character.", status=400)

    def _check_origin(self, connection: HTTPConnection) -> None:
        """A page of another site must not act through a visitor's browser."""
        origin = connection.headers.get("origin")
        if (
            _unsafe(connection)
            and origin
            and _place(origin).netloc != connection.headers.get("host")
        ):
            raise ProblemError(
                "wrong_origin", f"Requests from {origin[:80]!r} are not accepted.", status=403
            )


def _who(sentence: str, variable: str) -> ProblemError:
    advice = f"Send it as `Authorization: Bearer …` ({variable} on the server)."
    return ProblemError("unauthorized", sentence, advice, status=401)
