"""`minimascope mcp`: analyses for agents, over the Model Context Protocol."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from minimascope.cli.server import Token, client
from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    from minimascope.agents.minima import Minima

ADDRESS = "a minimascope server that computes and keeps; without it, this process does"
HTTP = "listen on this port (0: a free one) instead of standard input"


def command(
    server: Annotated[str | None, typer.Option(metavar="URL", help=ADDRESS)] = None,
    token: Token = None,
    http: Annotated[int | None, typer.Option(metavar="PORT", min=0, max=65535, help=HTTP)] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="where --http listens")
    ] = "127.0.0.1",
) -> None:
    """Serve tools for agents: inspect, analyze, wait, read, compare, draw, weights."""
    try:
        from minimascope.agents import serving
    except ImportError as error:
        sentence = "The tools for agents need the Model Context Protocol's SDK."
        advice = f"{adding('mcp')}."
        raise ProblemError("not_installed", sentence, advice) from error
    made = serving.server(_minima(server, token))
    if http is None:
        made.run("stdio")
        return
    from minimascope.contract.settings import Settings

    shown = Settings().mcp_token or secrets.token_urlsafe(32)
    if not Settings().mcp_token:
        print(f"minimascope mcp: token {shown}", file=sys.stderr, flush=True)
    try:
        serving.serve_http(made, shown, host=host, port=http, told=_told)
    except OSError as error:
        sentence = f"Cannot listen on {host}:{http}: {error.strerror}."
        raise ProblemError("invalid_parameters", sentence, "Choose another --http.") from error


def _minima(server: str | None, token: str | None) -> Minima:
    if server is None:
        from minimascope.agents.here import Here

        return Here()
    from minimascope.agents.there import There

    return There(client(server, token))


def _told(address: str) -> None:
    print(f"minimascope mcp: {address}", flush=True)
