"""Who asks: a token from a script, a session or a shared link from a browser, the worker token.

What they may do is for the routes to say (`backend.auth.permissions`).
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.auth import share_links
from backend.auth.credentials import Credentials
from backend.auth.login import wants_page
from backend.auth.principal import ACTING, ANYONE, GUEST, PROBE, WORKERS, Principal
from backend.auth.repository import AuthRepository
from backend.auth.sessions import COOKIE, same
from backend.http.origins import check_address, is_loopback, is_unsafe
from backend.http.rate_limits import Crowd
from backend.http.turns import FILES, Turns, is_long
from backend.http.visits import Visits
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings

INTERNAL = "/api/v1/internal/"
OPEN_PATHS = {"/api/v1/health/live", "/login"}
# Answers a probe without a token, with less in it.
PROBED = "/api/v1/health/ready"
# Uploads, streams of events and questions of one person that go on at the same time.
MOST_AT_ONCE, MOST_FOLLOWED = 256, 64
FOLLOWED = "/events"


def check_bind(settings: Settings, *, has_users: bool) -> None:
    """Raises ProblemError `token_required` where others could reach a server without a token."""
    if not is_loopback(settings.host) and not settings.token and not has_users:
        raise ProblemError("token_required", f"Listening on {settings.host} would let anyone in.")


def bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _unknown(sentence: str, variable: str) -> ProblemError:
    advice = f"Send it as `Authorization: Bearer …` ({variable} on the server)."
    return ProblemError("unauthorized", sentence, advice)


class Authentication:
    """ASGI middleware around API and dashboard: leaves the principal in the scope and `ACTING`.

    `inner_token` is the dashboard's of this process, which acts for whoever asked it; such a
    request is marked in the scope.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        repository: AuthRepository,
        credentials: Credentials,
        inner_token: str,
        visits: Visits,
    ) -> None:
        self._visits = visits
        self._app, self._settings, self._repository = app, settings, repository
        self._credentials, self._inner_token = credentials, inner_token
        self._crowd = Crowd(MOST_AT_ONCE, "too_many_requests")
        self._followers = Crowd(MOST_FOLLOWED, "too_many_requests")
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        scope["minimascope.inner"] = same(bearer(connection.headers), self._inner_token)
        try:
            who = scope["minimascope.principal"] = await self._principal(connection)
        except ProblemError as problem:
            # To the sign-in page where a person would otherwise see a bare 401.
            if problem.status == 401 and wants_page(scope, connection.headers):
                await RedirectResponse("/login", status_code=303)(scope, receive, send)
                return
            raise
        self._visits.note(scope["path"], scope.get("method", "GET"))
        acting = ACTING.set(who)
        try:
            await self._in_turn(connection, who, receive, _keeping_link(connection, who, send))
        finally:
            ACTING.reset(acting)

    async def _in_turn(
        self, connection: HTTPConnection, who: Principal, receive: Receive, send: Send
    ) -> None:
        """Beside others' requests, and not before them (`backend.http.turns`)."""
        asker, scope = _asker(connection, who), connection.scope
        crowd = self._followers if scope["path"].endswith(FOLLOWED) else self._crowd
        with crowd.one_of(asker):
            if scope["path"].startswith(FILES):
                await self._app(scope, receive, send)
                return
            if is_long(scope.get("method", ""), scope["path"]):
                await self._turns.long(asker)
                await self._app(scope, receive, send)
                return
            async with self._turns.of(asker) as answered:

                async def counting(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        answered()
                    await send(message)

                await self._app(scope, receive, counting)

    async def _principal(self, connection: HTTPConnection) -> Principal:
        check_address(connection, listening_on=self._settings.host)
        path = connection.scope["path"]
        if path.startswith(INTERNAL):
            return await self._worker(bearer(connection.headers))
        if connection.scope["minimascope.inner"]:
            who = ACTING.get()
            if who is None:
                raise _unknown("Nobody asks for this page.", "MINIMASCOPE_TOKEN")
            if not share_links.may_see(who, path):
                raise _unknown("A shared link opens its own analysis only.", "MINIMASCOPE_TOKEN")
            return who
        if path in OPEN_PATHS or not await self._credentials.locked():
            return ANYONE
        try:
            return await self._person(connection)
        except ProblemError:
            if path == PROBED:
                return PROBE
            raise

    async def _worker(self, token: str) -> Principal:
        """The workers' common token, or a user's of the scope worker."""
        if not same(token, self._settings.worker_token):
            found = await self._credentials.by_token(token)
            if found is None or found.principal.scope != "worker":
                raise _unknown("The worker token is missing or wrong.", "MINIMASCOPE_WORKER_TOKEN")
        return WORKERS

    async def _person(self, connection: HTTPConnection) -> Principal:
        """The token itself from a script, or the session of a browser that signed in."""
        found = await self._credentials.by_token(bearer(connection.headers))
        if found and found.principal.scope != "worker":
            return found.principal
        who = await self._visitor(connection)
        # Browsers name the page a request comes from wherever it changes something.
        if is_unsafe(connection) and "origin" not in connection.headers:
            raise ProblemError("wrong_origin", "The request does not say its page.")
        return who

    async def _visitor(self, connection: HTTPConnection) -> Principal:
        """A browser: signed in, or with a shared link, or both."""
        cookie = connection.cookies.get(COOKIE, "")
        who = await self._credentials.by_session(cookie)
        if who is not None:
            return share_links.with_shares(who, connection)
        reader = await asyncio.to_thread(share_links.guest, connection, self._repository)
        if reader is None:
            raise _unknown("This server asks for a token.", "MINIMASCOPE_TOKEN")
        return reader


def _asker(connection: HTTPConnection, who: Principal) -> str:
    """Whose requests at one time are counted together; "" for those of the server's own."""
    if connection.scope["minimascope.inner"]:
        return ""
    if who.id == GUEST:
        return f"{GUEST} {connection.client.host if connection.client else ''}"
    return who.id


def _keeping_link(connection: HTTPConnection, who: Principal, send: Send) -> Send:
    """A page opened by a shared link keeps the link's key for what it asks next."""
    kept = share_links.cookie(connection) if connection.scope["type"] == "http" else ""
    if not who.shares or not kept:
        return send

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("set-cookie", kept)
        await send(message)

    return send_with_cookie
