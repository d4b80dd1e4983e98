"""`minimascope report ID`: the report as JSON, and the arrays as .npz."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson
from minimascope.machine.writing import write


def command(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    output: Annotated[
        str | None, typer.Option(metavar="FILE.json", help="default: standard output")
    ] = None,
    arrays: Annotated[str | None, typer.Option(metavar="FILE.npz", help="its arrays")] = None,
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a report as JSON, and its arrays. With --json it is printed beside --output too."""
    from minimascope.client import calls

    with client(server, token) as asked:
        text = json.dumps(json.loads(asked.send(calls.report_bytes(identifier))), indent=2)
        if output:
            write(output, f"{text}\n".encode())
        if as_json or not output:
            print(text)
        if arrays:
            write(arrays, asked.send(calls.arrays_bytes(identifier)))
