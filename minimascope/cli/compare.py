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
        analyses = [asked.analysis(item.id) for item in found.items]
    from minimascope.contract.compared import sentences
    from minimascope.results.side_by_side import table

    names = [item.name or item.id[:8] for item in found.items]
    same = len({(each.train, each.test) for each in analyses}) == 1
    said = sentences(found.items, names, one_data=same)
    answer(as_json, found, "\n".join([*([said, ""] if said else []), *table(found.items)]))
