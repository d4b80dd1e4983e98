"""`minimascope explain soft_rank`: the sentences of the glossary, as on the page."""

from __future__ import annotations

from typing import Annotated

import typer

from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.glossary import TERMS
from minimascope.contract.problems import ProblemError


def command(
    term: Annotated[str | None, typer.Argument(help="a term, or part of one; all without")] = None,
    as_json: AsJson = False,
) -> None:
    """What a term means, its unit, and which values are better."""
    wanted = (term or "").lower().replace("_", " ").replace("-", " ")
    found = [
        (each.name, each.words)
        for key, each in TERMS.items()
        if wanted in f"{key} {each.name}".lower().replace("_", " ").replace("-", " ")
    ]
    if not found:
        raise ProblemError(
            "invalid_parameters",
            f"No term is called {term!r}.",
            "`minimascope explain` lists all of them.",
        )
    text = "\n".join(f"{name}: {words}" for name, words in found)
    answer(as_json, dict(found), text)
