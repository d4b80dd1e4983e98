"""`minimascope delete ID`: an ended analysis goes with its report and arrays; its files stay."""

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
    """Removes ended analyses with their reports and arrays; uploaded files stay."""
    with client(server, token) as asked:
        for identifier in ids:
            asked.delete_analysis(identifier)
    answer(as_json, {"deleted": ids}, "\n".join(f"deleted {each}" for each in ids))
