"""`minimascope backup FILE`: the service's rows, uploads and results in one tar file."""

from __future__ import annotations

import argparse
from pathlib import Path

from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("backup", help="everything the service keeps, in one file")
    command.add_argument("file", metavar="FILE.tar")


def run(args: argparse.Namespace) -> int:
    """May run beside a server: rows are read in one transaction, files never change in place."""
    from backend.operations.backup import backup
    from backend.storage.opened import opened

    with opened(Settings()) as (engine, store):
        try:
            figures = backup(engine, store, Path(args.file))
        except OSError as error:
            sentence = f"Cannot write {args.file!r}: {error.strerror}."
            raise ProblemError("cannot_write", sentence) from error
    print(f"{args.file}: " + ", ".join(f"{count} {what}" for what, count in figures.items()))
    return 0
