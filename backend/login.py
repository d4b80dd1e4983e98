"""Signing in with a browser: the server's token once, then a session cookie.

The cookie holds no secret of ours: an expiry and a nonce under an HMAC keyed by the token, so a
new token ends every session. It is HttpOnly and SameSite=Strict; requests that change something
must also carry the page's own Origin (`backend.security`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import defaultdict, deque
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from minimascope.problems import ProblemError

COOKIE = "minimascope_session"
SESSION_SECONDS = 7 * 24 * 3600
TRIES, WINDOW_SECONDS = 5, 60.0
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


def _signature(token: str, text: str) -> str:
    key = hashlib.sha256(f"minimascope session {token}".encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def new_session(token: str, *, now: float) -> str:
    text = f"{int(now) + SESSION_SECONDS}.{secrets.token_hex(16)}"
    return f"{text}.{_signature(token, text)}"


def good_session(token: str, cookie: str, *, now: float) -> bool:
    """A cookie of ours, of this token, not expired."""
    text, _, signature = cookie.rpartition(".")
    expected = _signature(token, text)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return False
    return float(text.partition(".")[0]) > now


class Attempts:
    """Failed log-ins of each address within a minute."""

    def __init__(self) -> None:
        self._failed: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, address: str, *, now: float) -> None:
        """Raises ProblemError `too_many_attempts` (429)."""
        failed = self._failed[address]
        while failed and failed[0] < now - WINDOW_SECONDS:
            failed.popleft()
        if not failed:
            del self._failed[address]
        if len(failed) >= TRIES:
            raise ProblemError(
                "too_many_attempts",
                f"{TRIES} wrong tokens came from here within a minute.",
                "Wait a minute.",
                status=429,
            )

    def failed(self, address: str, *, now: float) -> None:
        self._failed[address].append(now)


def wants_page(path: str, headers: Headers) -> bool:
    """A browser that opens a page, not a script that asks the API."""
    return not path.startswith("/api/") and "text/html" in headers.get("accept", "")


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
            raise ProblemError("too_large", "That is no token.", status=413)
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


def login_routes(token: str) -> list[Route]:
    """`/login` and `/logout` of a server whose token this is."""
    attempts = Attempts()

    async def form(_: Request) -> Response:
        return _page("", 200)

    async def login(request: Request) -> Response:
        now, address = time.time(), request.client.host if request.client else ""
        attempts.check(address, now=now)
        digests = [hashlib.sha256(t.encode()).digest() for t in (await _token(request), token)]
        if not hmac.compare_digest(*digests):
            attempts.failed(address, now=now)
            return _page("That is not the token of this server.", 401)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            COOKIE,
            new_session(token, now=now),
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
