"""`minimascope doctor`: what this installation has, what it lacks, one line a thing."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterator

from minimascope import __version__
from minimascope.cli.options import Subparsers
from minimascope.contract.settings import Settings

Line = tuple[str, bool, str]


def register(subparsers: Subparsers) -> None:
    subparsers.add_parser("doctor", help="check this installation, in words")


def _tried(name: str, check: Callable[[], str]) -> Line:
    try:
        return name, True, check()
    except Exception as error:  # whatever is broken is what this command is asked for
        reason = " ".join(str(error).split())[:200]
        return name, False, f"{type(error).__name__}: {reason}"


def lines(settings: Settings) -> Iterator[Line]:
    """Name, good or not, words; nothing here raises."""
    from backend.operations.diagnosis import CHECKS
    from workers.machine import sandbox_line, torch_line

    yield "minimascope", True, __version__
    yield "python", True, f"{platform.python_version()} on {platform.platform()}"
    yield _tried("torch", torch_line)
    good, words = sandbox_line()
    yield "sandbox", good, words
    for name, check in CHECKS.items():
        yield _tried(name, lambda check=check: check(settings))


def run(args: argparse.Namespace) -> int:
    """Exit 0 where everything is good, 1 where something is not."""
    bad = 0
    for name, good, words in lines(Settings()):
        bad += not good
        print(f"{'ok ' if good else 'BAD'} {name:12} {words}", flush=True)
    return 1 if bad else 0
