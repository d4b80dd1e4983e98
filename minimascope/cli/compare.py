"""`minimascope compare ID ID`: the key numbers of several analyses, one column each."""

from __future__ import annotations

from typing import Annotated

import typer

from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer


def command(
    ids: Annotated[list[str], typer.Argument(metavar="ID")],
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """The key numbers of several analyses, one column each."""
    with client(server, token) as asked:
        found = asked.compare(ids)
    from minimascope.results.side_by_side import table

    answer(as_json, found, "\n".join(table(found.items)))
