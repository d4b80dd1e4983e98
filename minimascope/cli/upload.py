"""`minimascope upload FILE`: stores a checkpoint or data set and prints its id."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from minimascope.cli.files import given
from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer


def command(
    file: Annotated[str, typer.Argument(metavar="FILE")],
    kind: Annotated[
        Literal["checkpoint", "dataset"], typer.Option(help="what it is")
    ] = "checkpoint",
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Store a file on the server, once for the same bytes, and print its id."""
    with client(server, token) as asked:
        found = asked.store(kind, given(file, kind), name=Path(file).name)
    answer(as_json, found, found.id)
