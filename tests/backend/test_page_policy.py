"""The policy of pages allows the index's own inline scripts and no other."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from backend.page_policy import PagePolicy

OWN = "var renderer = 1;"
INDEX = f"""<html><script src="/assets/a.js"></script><script id="x">{OWN}</script>
<script type="application/json">{{"not": "run"}}</script></html>"""


def allowed(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_only_the_scripts_of_the_first_index_are_allowed() -> None:
    injected = "window.pwned=1"

    async def page(request: Request) -> Response:
        more = f"<script>{injected}</script>" if request.query_params else ""
        return HTMLResponse(INDEX + more)

    async def run() -> list[str]:
        app = PagePolicy(Starlette(routes=[Route("/", page), Route("/assets/a.js", page)]))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answers = [await client.get(path) for path in ("/", "/?evil=1", "/assets/a.js")]
        assert answers[1].text.endswith("</script>")
        return [answer.headers.get("content-security-policy", "") for answer in answers]

    first, second, asset = asyncio.run(run())
    assert first == second
    assert f"script-src 'self' {allowed(OWN)};" in first
    assert allowed(injected) not in second
    assert "unsafe-inline" not in first.partition("style-src")[0]
    assert asset == ""
