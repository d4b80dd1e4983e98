"""The command line: one file a command, found by name in one table.

A command module has `register(subparsers)` and `run(args) -> int`. Modules load at parse time, so
they import servers, workers and torch inside `run` only.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from typing_extensions import override

from minimascope import __version__
from minimascope.contract.problems import ProblemError

COMMANDS: tuple[str, ...] = (
    *("serve", "worker", "analyze", "architectures"),
    *("export", "upload", "submit", "wait", "report", "slice", "compare", "interpolate"),
    *("demo", "doctor", "users", "backup", "restore", "forget"),
)
FAILED, BAD_INPUT = 1, 2


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        """One line, not the usage."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    made = _Parser(prog="minimascope", description="What kind of minimum did training find?")
    made.add_argument("--version", action="version", version=__version__)
    made.add_argument("--traceback", action="store_true", help="show where a fault of ours arose")
    subparsers = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"minimascope.cli.{name}")
        module.register(subparsers)
        subparsers.choices[name].set_defaults(run=module.run)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 bad input with one line on stderr."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ProblemError as problem:
        line = " ".join(problem.line().split())
        print(f"minimascope {args.command}: {line}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `minimascope report ... | head`
        sys.stderr.close()
        return 0
    except Exception as fault:
        if args.traceback:
            raise
        print(
            f"minimascope {args.command}: unexpected fault ({type(fault).__name__}). "
            "Run again as `minimascope --traceback ...` and report what it prints.",
            file=sys.stderr,
        )
        return FAILED
