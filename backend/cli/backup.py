"""`minimascope backup FILE`: the service's rows, uploads and results in one tar file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.operations.backup import backup
from backend.storage.opened import opened
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def command(
    file: Annotated[str, typer.Argument(metavar="FILE.tar")], as_json: AsJson = False
) -> None:
    """Write rows, uploads and results into one file.

    It may run beside a server: rows are read in one transaction, files never change in place.
    """
    with opened(Settings()) as (engine, store):
        try:
            figures = backup(engine, store, Path(file))
        except OSError as error:
            sentence = f"Cannot write {file!r}: {error.strerror}."
            raise ProblemError("cannot_write", sentence) from error
    words = ", ".join(f"{count} {what}" for what, count in figures.items())
    answer(as_json, {"file": file, **figures}, f"{file}: {words}")
