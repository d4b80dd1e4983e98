"""`minimascope forget`: removes old analyses now, as a server does by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.retention.service import forget
from backend.storage.opened import opened
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings

DAYS = "keep what ended since; default: MINIMASCOPE_KEEP_DAYS"
BYTES = "keep so many bytes of results; default: MINIMASCOPE_KEEP_BYTES"


def command(
    days: Annotated[float | None, typer.Option(metavar="X", help=DAYS)] = None,
    keep: Annotated[int | None, typer.Option("--bytes", metavar="N", help=BYTES)] = None,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="only say what would go")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old analyses and unused uploads, beside a running server too."""
    settings = Settings()
    given = {"keep_days": days, "keep_bytes": keep}
    settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
    if settings.keep_days <= 0 and settings.keep_bytes <= 0:
        raise ProblemError(
            "nothing_to_forget",
            "Everything is kept: there is no limit by age or size.",
            "Give --days or --bytes, or set MINIMASCOPE_KEEP_DAYS or MINIMASCOPE_KEEP_BYTES.",
        )
    with opened(settings) as (engine, store):
        found = forget(engine, store, settings, rehearse=rehearse)
    uploads = [{"kind": kind, "id": each} for kind, each in found.uploads]
    lines = [f"analysis {each}" for each in found.analyses]
    lines += [f"{kind} {each}" for kind, each in found.uploads]
    lines.append(
        f"{len(found.analyses)} analyses ({found.freed} bytes) and {len(uploads)} uploads "
        + ("would go" if rehearse else "removed")
    )
    value = {"analyses": list(found.analyses), "uploads": uploads, "bytes": found.freed}
    answer(as_json, value, "\n".join(lines))
