"""The MCP server with its tools and resources, over standard input and output or over HTTP."""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from minimascope import __version__
from minimascope.agents.minima import Minima, report
from minimascope.agents.refusing import Refusing
from minimascope.agents.tools import Tools, as_json
from minimascope.contract.glossary import TERMS

PATH = "/mcp"
INSTRUCTIONS = (
    "minimascope says what kind of minimum a training run found and whether it will generalize. "
    "Inspect the checkpoint and the data, ask the person how it was trained where the files do "
    "not say it, analyze, wait, then read. Trust the headline gap as far as its verdict does: "
    "reliable, uncertain (say the interval), no estimate (say why). Never turn a number that the "
    "verdict does not stand by into a claim. Margins are brackets: at least, at most."
)


def server(minima: Minima) -> Refusing:
    """Tools and resources over these analyses."""
    made = Refusing(
        "minimascope", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    for tool in Tools(minima).every():
        made.add_tool(tool, structured_output=False)
    for uri, name, kind, read in _resources(minima):
        made.resource(uri, name=name, mime_type=kind)(read)
    return made


def _resources(minima: Minima) -> list[tuple[str, str, str, Callable[..., str]]]:
    def one(identifier: str) -> str:
        return as_json(report(minima, identifier))

    listed = Tools(minima).analyses
    return [
        ("minimascope://analyses", "analyses", "text/plain", listed),
        ("minimascope://reports/{identifier}", "report", "application/json", one),
        ("minimascope://terms", "what terms mean", "text/plain", _terms),
    ]


def _terms() -> str:
    return "\n".join(f"{term.name}: {term.words}" for term in TERMS.values())


class WithToken:
    """Lets in whoever shows the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown = dict(scope.get("headers") or ()).get(b"authorization", b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(shown, self.wanted):
            await self.app(scope, receive, send)
            return
        said = {"code": "unauthorized", "sentence": "The MCP server wants its token."}
        start: dict[str, Any] = {"type": "http.response.start", "status": 401}
        start["headers"] = [
            (b"content-type", b"application/json"),
            (b"www-authenticate", b"Bearer"),
        ]
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})


def serve_http(
    made: Refusing, token: str, *, host: str, port: int, told: Callable[[str], Any]
) -> None:
    """Until it is interrupted; `told` hears the address. Raises OSError where the port is taken."""
    import uvicorn

    app = WithToken(made.streamable_http_app(streamable_http_path=PATH, host=host), token)
    with socket.create_server((host, port)) as listener:
        place, taken = listener.getsockname()[:2]
        told(f"http://{place}:{taken}{PATH}")
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        uvicorn.Server(config).run(sockets=[listener])
