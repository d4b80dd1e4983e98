"""`minimascope demo`: the shipped minima, done analyses to look at, in this service."""

from __future__ import annotations

import argparse

from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def register(subparsers: Subparsers) -> None:
    subparsers.add_parser("demo", help="load the shipped minima, print their ids")


def run(args: argparse.Namespace) -> int:
    """Works on database and store, beside a running server too; loads nothing twice."""
    from backend.analyses.demo import load_demo
    from backend.repositories import Repository
    from backend.storage.opened import opened

    settings = Settings()
    with opened(settings) as (engine, store):
        loaded = load_demo(Repository(engine), store, settings.demo_dir)
    if not loaded:
        sentence = f"There are no demo minima in {str(settings.demo_dir)!r}."
        raise ProblemError("no_demo", sentence, "Set MINIMASCOPE_DEMO_DIR.")
    print("\n".join(loaded))
    return 0
