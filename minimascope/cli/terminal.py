"""What every command says on its terminal: a text for people, or one JSON document for programs.

Results go to standard output, progress and refusals to standard error. rich leaves colours out
where that is no terminal, and where NO_COLOR is set.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]


def answer(as_json: bool, value: Any, text: str) -> None:
    """Prints the value as JSON (a model of the contract, or what json takes), or the text."""
    if not as_json:
        print(text)
    elif isinstance(value, BaseModel):
        print(value.model_dump_json(by_alias=True, indent=1))
    else:
        print(json.dumps(value, indent=1, ensure_ascii=False))


def console(*, stderr: bool = False) -> Console:
    """rich's console on one of the streams as they are now; it marks up nothing by itself."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
