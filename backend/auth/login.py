"""Signing in with a browser: a token once, then a session cookie (`backend.auth.sessions`).

The cookie holds no secret of ours. It is HttpOnly and SameSite=Strict; requests that change
something must also carry the page's own Origin (`backend.http.origins`).
"""

from __future__ import annotations

import base64
import hashlib
import time
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from backend.auth.credentials import Credentials
from backend.auth.sessions import COOKIE, SESSION_SECONDS, new_session
from backend.http.rate_limits import Rate
from minimascope.contract.problems import ProblemError

TRIES = 5
MACHINES = ("worker", "metrics")
MOST_BODY = 4096
POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'"
)
STYLE = """body{font:16px system-ui;margin:20vh auto;max-width:22rem;padding:0 1rem;
color-scheme:light dark}input,button{font:inherit;width:100%;padding:.6rem;margin:.4rem 0;
box-sizing:border-box}p{min-height:1.5em}"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>minimascope</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>
<h1>minimascope</h1><form method="post" action="/login">
<label>Token of this server<input name="token" type="password" autocomplete="current-password"
required autofocus></label><button>Sign in</button></form><p role="alert">{said}</p>
</body></html>"""


def wants_page(scope: Scope, headers: Headers) -> bool:
    """A browser that opens a page, not a script that asks the API."""
    opens = scope["type"] == "http" and not scope["path"].startswith("/api/")
    return opens and "text/html" in headers.get("accept", "")


def _page(said: str, status: int) -> HTMLResponse:
    digest = hashlib.sha256(STYLE.encode()).digest()
    policy = POLICY.format(style=base64.b64encode(digest).decode())
    content = PAGE.format(style=STYLE, said=said)
    return HTMLResponse(content, status, headers={"content-security-policy": policy})


async def _token(request: Request) -> str:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise ProblemError("too_large", "That is no token.")
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


def login_routes(credentials: Credentials) -> list[Route]:
    """`/login` and `/logout`."""
    attempts = Rate("too_many_attempts", "wrong tokens came")

    async def form(_: Request) -> Response:
        return _page("", 200)

    async def login(request: Request) -> Response:
        now, address = time.monotonic(), request.client.host if request.client else ""
        attempts.check(address, limit=TRIES, now=now)
        found = await credentials.by_token(await _token(request))
        if found is None or found.principal.scope in MACHINES:
            attempts.count(address, now=now)
            return _page("That is no token of this server.", 401)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            COOKIE,
            new_session(found.key, token=found.principal.token),
            max_age=SESSION_SECONDS,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def logout(_: Request) -> Response:
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return [
        Route("/login", form, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
    ]
