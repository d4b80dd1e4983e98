"""What a page may load and run: its own origin's files and the inline scripts Dash writes."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message

NAME = "content-security-policy"


def page_policy(hashes: Sequence[str]) -> str:
    """The Content-Security-Policy of every page; `hashes` are those of its inline scripts.

    No eval and no other inline script; styles may be inline, because React and Plotly write style
    attributes. Plotly's heatmaps are data: images, exported PNGs are drawn from blob: ones.
    """
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def add_policy(message: Message, policy: str) -> None:
    """Adds it to the start of an HTML answer that has none of its own."""
    headers = Headers(raw=message["headers"])
    if headers.get("content-type", "").startswith("text/html") and NAME not in headers:
        MutableHeaders(raw=message["headers"])[NAME] = policy
