"""The content security policy of pages: nothing but our own files, and the index's own scripts.

Dash writes its start and the pages' client-side callbacks as inline scripts into every index, the
same for every visitor. Their hashes are taken from the first index this process serves, before
anybody's data could be in one, and allow these scripts alone.
"""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

INLINE = re.compile(
    rb"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>(.*?)</script>", re.DOTALL
)
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' {scripts}",
        "style-src 'self' 'unsafe-inline'",  # plotly sizes its elements with style attributes
        "img-src 'self' data: blob:",  # figures hold images as data, downloads are blobs
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def policy(index: bytes) -> str:
    """What allows exactly the inline scripts of this index."""
    digests = [hashlib.sha256(script).digest() for script in INLINE.findall(index)]
    known = dict.fromkeys(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return POLICY.format(scripts=" ".join(known))


class PagePolicy:
    """ASGI middleware around pages; answers of the API and assets pass unread."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._policy = app, ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/api/", "/assets/", "/_dash")):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            await send({**start, "headers": self._headers(start["headers"], bytes(body))})
            await send({"type": "http.response.body", "body": bytes(body)})

        await self._app(scope, receive, hold)

    def _headers(
        self, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> list[tuple[bytes, bytes]]:
        names = {name.lower(): value for name, value in headers}
        page = names.get(b"content-type", b"").startswith(b"text/html")
        if not page or b"content-security-policy" in names:
            return headers
        self._policy = self._policy or policy(body)
        return [*headers, (b"content-security-policy", self._policy.encode())]
