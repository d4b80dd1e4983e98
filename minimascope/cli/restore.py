"""`minimascope restore FILE`: a backup into an empty service; stop the server first."""

from __future__ import annotations

import argparse

from minimascope.cli.options import Subparsers, existing
from minimascope.contract.settings import Settings


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("restore", help="fill an empty service from a backup")
    command.add_argument("file", metavar="FILE.tar")


def run(args: argparse.Namespace) -> int:
    """Exit 2 where the service is not empty or the file is no backup of it."""
    from backend.operations.backup import restore
    from backend.storage.opened import opened

    with opened(Settings(), migrated=False) as (engine, store):
        figures = restore(engine, store, existing(args.file))
    print(f"{args.file}: " + ", ".join(f"{count} {what}" for what, count in figures.items()))
    return 0
