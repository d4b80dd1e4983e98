"""`minimascope describe ID --name …`: what a person says of an analysis."""

from __future__ import annotations

from typing import Annotated

import typer

from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Analysis, AnalysisChange


def command(
    analysis: Annotated[str, typer.Argument(metavar="ID")],
    name: Annotated[str | None, typer.Option(help="its new name")] = None,
    notes: Annotated[str | None, typer.Option(help="a note; empty removes it")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="a tag; all of them each time")] = None,
    project: Annotated[str | None, typer.Option(help="the project it belongs to")] = None,
    pin: Annotated[bool | None, typer.Option(help="keep it whatever its age")] = None,
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Name, notes, tags and project of an analysis; what is not given stays."""
    given = {"name": name, "notes": notes, "tags": tag, "project": project}
    change = AnalysisChange.model_validate({k: v for k, v in given.items() if v is not None})
    if not change.model_fields_set and pin is None:
        raise ProblemError(
            "invalid_parameters", "Nothing to change was given.", "Give --name, --tag or --notes."
        )
    with client(server, token) as asked:
        found = asked.describe(analysis, change)
        if pin is not None:
            found = asked.pin(analysis, pinned=pin)
    answer(as_json, found, "\n".join(_lines(found)))


def _lines(found: Analysis) -> list[str]:
    said = {
        "name": found.name,
        "project": found.project,
        "tags": ", ".join(found.tags),
        "notes": found.notes,
        "pinned": "yes" if found.pinned else "",
    }
    return [f"{words:8} {value}" for words, value in said.items() if value]
