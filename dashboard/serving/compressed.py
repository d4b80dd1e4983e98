"""Gzip for pages and callbacks; scripts and styles, which do not change, are compressed once."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIXED = ("/assets/", "/_dash-component-suites/")
KEPT = 200  # files; a page asks for forty


@dataclass(frozen=True)
class File:
    """A compressed answer: its headers without length and encoding, and its gzipped body."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class Compressed(GZipMiddleware):
    """The API compresses for itself and streams events, so `/api/` is left alone.

    Plotly alone is 4.8 MB: compressing it at every visit would hold up every other answer.
    """

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.files: dict[str, File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or str(scope["path"]).startswith("/api/"):
            await self.app(scope, receive, send)
        elif _fixed(scope):
            await self._file(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _file(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = f"{scope['path']}?{scope['query_string'].decode()}"
        kept = self.files.get(name)
        if kept is not None:
            await _answer(kept, send)
            return
        messages: list[Message] = []

        async def held(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, held)
        start, body = messages[0], b"".join(m.get("body", b"") for m in messages[1:])
        if start["status"] != 200 or len(body) < self.minimum_size:
            for message in messages:
                await send(message)
            return
        packed = await asyncio.to_thread(gzip.compress, body, 9, mtime=0)
        kept = File([h for h in start["headers"] if h[0] != b"content-length"], packed)
        if len(self.files) < KEPT:
            self.files[name] = kept
        await _answer(kept, send)


def _fixed(scope: Scope) -> bool:
    """A file asked for in full by a reader of gzip; who has it already is answered by Dash."""
    headers = dict(scope["headers"])
    known = b"if-none-match" in headers or b"range" in headers
    reads = b"gzip" in headers.get(b"accept-encoding", b"")
    return scope["method"] == "GET" and str(scope["path"]).startswith(FIXED) and reads and not known


async def _answer(file: File, send: Send) -> None:
    length = str(len(file.body)).encode()
    more = [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    headers = [*file.headers, *more, (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": file.body})
