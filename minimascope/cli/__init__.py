"""The command line `minimascope`: parses, runs one command, turns what went wrong into one line.

One file a command (see `commands`); a file loads servers, clients and torch inside the command
only, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from minimascope import __version__
from minimascope.cli.commands import Commands, listed
from minimascope.contract.problems import ProblemError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
TRACEBACK = "--traceback"


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say it and stop")
    ] = False,
    traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="show where a fault of ours arose; also after a command")
    ] = False,
) -> None:
    """What kind of minimum did my training find, and will it generalize?"""


def group() -> Commands:
    """The command line as typer runs it."""
    app = typer.Typer(name="minimascope", add_completion=False)
    app.callback(cls=Commands)(_options)
    made = typer.main.get_command(app)
    assert isinstance(made, Commands)
    made.commands = dict(listed())
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 bad input with one line on stderr, 130 interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    args = [each for each in given if each != TRACEBACK]
    try:
        status = _run(args)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _say("minimascope: stopped.")
        return INTERRUPTED
    except BrokenPipeError:  # `minimascope report ... | head`
        # What is left in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:
        if TRACEBACK in given:
            raise
        _say(
            f"minimascope: unexpected fault ({type(fault).__name__}). Run again with "
            f"{TRACEBACK} and report what it prints."
        )
        return FAILED


def _run(args: list[str]) -> int:
    command = group()
    context: Any = None
    try:
        with command.make_context("minimascope", args) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as ended:  # --help, --version
        return ended.exit_code
    except typer.TyperException as wrong:
        place = getattr(getattr(wrong, "ctx", None), "command_path", "minimascope")
        said = wrong.format_message().replace("Value error, ", "").rstrip(".")
        _say(f"{place}: {said} (see {place} --help)")
        return BAD_INPUT
    except ProblemError as problem:
        asked = context.invoked_subcommand if context else None
        _say(" ".join(filter(None, ("minimascope", asked))) + f": {problem.line()}")
        return BAD_INPUT


def _say(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)
