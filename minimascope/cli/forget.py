"""`minimascope forget`: removes old analyses now, as a server does by itself."""

from __future__ import annotations

import argparse

from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("forget", help="remove old analyses and unused uploads")
    command.add_argument(
        "--days", type=float, help="keep what ended since; default: MINIMASCOPE_KEEP_DAYS"
    )
    command.add_argument(
        "--bytes", type=int, help="keep so many bytes of results; default: MINIMASCOPE_KEEP_BYTES"
    )
    command.add_argument("--rehearse", action="store_true", help="only say what would go")


def run(args: argparse.Namespace) -> int:
    """Works on the service's own database and store, beside a running server too."""
    from backend.repositories import Repository
    from backend.retention.service import forget
    from backend.storage.opened import opened

    settings = Settings()
    given = {"keep_days": args.days, "keep_bytes": args.bytes}
    settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
    if settings.keep_days <= 0 and settings.keep_bytes <= 0:
        raise ProblemError(
            "nothing_to_forget",
            "Everything is kept: there is no limit by age or size.",
            "Give --days or --bytes, or set MINIMASCOPE_KEEP_DAYS or MINIMASCOPE_KEEP_BYTES.",
        )
    with opened(settings) as (engine, store):
        found = forget(Repository(engine), store, settings, rehearse=args.rehearse)
    for each in found.analyses:
        print(f"analysis {each}")
    for kind, each in found.uploads:
        print(f"{kind} {each}")
    word = "would go" if args.rehearse else "removed"
    print(
        f"{len(found.analyses)} analyses ({found.freed} bytes) and "
        f"{len(found.uploads)} uploads {word}"
    )
    return 0
