"""`minimascope compare ID ID`: the key numbers of several analyses, one column each."""

from __future__ import annotations

import argparse

from minimascope.cli.options import Subparsers, add_server, client
from minimascope.contract.schemas import KeyNumbers


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("compare", help="key numbers of several analyses")
    command.add_argument("ids", metavar="ID", nargs="+")
    add_server(command)


def _text(value: float | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(items: list[KeyNumbers]) -> list[str]:
    """Lines of a table: names first, then every number that at least one analysis has."""
    columns = [item.model_dump() for item in items]
    fields = [f for f in KeyNumbers.model_fields if any(c[f] is not None for c in columns)]
    cells = [[field.replace("_", " "), *(_text(c[field]) for c in columns)] for field in fields]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns) + 1)]
    return ["  ".join(f"{t:{w}}" for t, w in zip(r, widths, strict=True)).rstrip() for r in cells]


def run(args: argparse.Namespace) -> int:
    with client(args) as server:
        print("\n".join(table(server.compare(args.ids).items)))
    return 0
