"""`minimascope restore FILE`: a backup into an empty service; stop the server first."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.operations.backup import restore
from backend.storage.folder_lock import only_server
from backend.storage.opened import opened
from minimascope.cli.files import existing
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.settings import Settings


def command(
    file: Annotated[str, typer.Argument(metavar="FILE.tar")], as_json: AsJson = False
) -> None:
    """Fill an empty service from a backup; stop the server first.

    Exit status 2 where the service is not empty or the file is no backup of it.
    """
    settings = Settings()
    held = only_server(settings.folder(), address="minimascope restore")
    with held, opened(settings, migrated=False) as (engine, store):
        figures = restore(engine, store, existing(file))
    words = ", ".join(f"{count} {what}" for what, count in figures.items())
    answer(as_json, {"file": file, **figures}, f"{file}: {words}")
