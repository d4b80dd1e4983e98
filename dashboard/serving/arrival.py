"""What happens before a page is served: set-up, its security policy, 404 for no such address."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.serving.csp import add_policy

PLUMBING = ("/_dash", "/assets/", "/_favicon", "/_reload")


class Arrival:
    """ASGI middleware around the whole app.

    Dash collects its assets and page callbacks when it is first asked for a page; what it renders
    before that lacks them, so `set_up` does it once, whoever asks and for whatever, and gives the
    pages' security policy. Dash answers 200 with its index for every unknown address, so the status
    is decided here from the page registry.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        pages: Mapping[str, Mapping[str, Any]],
        own: Sequence[str],
        set_up: Callable[[], Awaitable[str]],
    ) -> None:
        self.app = app
        self.set_up, self.policy = set_up, ""
        self.own = [_pattern(path, kind=r"\{[^}]*:path\}|\{[^}]*\}") for path in own if path]
        templates = [str(p.get("path_template") or p.get("path") or "") for p in pages.values()]
        self.pages = [_pattern(path, kind=r"<[^>]*>") for path in templates if path]
        self.ready = False
        self.lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self.ready:
            async with self.lock:
                if not self.ready:
                    self.policy = await self.set_up()
                    self.ready = True
        path = str(scope["path"])
        if path.startswith("/api/v1/") or self._known(path):
            await self.app(scope, receive, self._answering(send))
        elif path.startswith("/api/"):
            await _api_not_found(path, send)
        else:
            await self.app(scope, receive, self._answering(send, missing=True))

    def _known(self, path: str) -> bool:
        if path.startswith(PLUMBING):
            return True
        return any(pattern.fullmatch(path) for pattern in (*self.own, *self.pages))

    def _answering(self, send: Send, *, missing: bool = False) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                if missing and message["status"] == 200:
                    message = {**message, "status": 404}
                add_policy(message, self.policy)
            await send(message)

        return sent


def _pattern(path: str, *, kind: str) -> re.Pattern[str]:
    """A route template as a regular expression; a mount matches everything below it."""
    parts = re.split(f"({kind})", path)
    body = "".join(
        (".*" if ":path" in part else "[^/]+") if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )
    return re.compile(body if path == "/" else f"{body}/?")


async def _api_not_found(path: str, send: Send) -> None:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "code": "no_such_address",
            "sentence": f"The API has nothing at {path}.",
            "advice": "The addresses are listed at /docs.",
        }
    ).encode()
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
