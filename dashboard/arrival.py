"""What happens before a page is served: first-request set-up, and 404 for unknown addresses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLUMBING = ("/_dash", "/assets/", "/_favicon", "/_reload")


class Arrival:
    """ASGI middleware around the whole app.

    Dash collects its assets and page callbacks when `/` is first asked for; a deep link asked
    for before that renders without them, so `/` is requested once in-process. Dash answers 200
    with its index for every unknown address, so the status is decided here from the page registry.
    """

    def __init__(
        self, app: ASGIApp, *, pages: Mapping[str, Mapping[str, Any]], own: Sequence[str]
    ) -> None:
        self.app = app
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
                    await self._visit_root(scope)
                    self.ready = True
        path = str(scope["path"])
        if path.startswith("/api/v1/") or self._known(path):
            await self.app(scope, receive, send)
        elif path.startswith("/api/"):
            await _api_not_found(path, send)
        else:
            await self.app(scope, receive, _with_status(send, 404))

    def _known(self, path: str) -> bool:
        if path.startswith(PLUMBING):
            return True
        return any(pattern.fullmatch(path) for pattern in (*self.own, *self.pages))

    async def _visit_root(self, scope: Scope) -> None:
        root = {"method": "GET", "path": "/", "raw_path": b"/", "query_string": b""}
        copy = {k: v for k, v in scope.items() if k not in ("state", "route", "endpoint")}

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def discard(message: Message) -> None:
            return None

        await self.app({**copy, **root}, receive, discard)


def _pattern(path: str, *, kind: str) -> re.Pattern[str]:
    """A route template as a regular expression; a mount matches everything below it."""
    parts = re.split(f"({kind})", path)
    body = "".join(
        (".*" if ":path" in part else "[^/]+") if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )
    return re.compile(body if path == "/" else f"{body}/?")


def _with_status(send: Send, status: int) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message = {**message, "status": status}
        await send(message)

    return sent


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
