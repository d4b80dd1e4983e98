"""`minimascope wait ID`: follows an analysis; exit 0 where it is done, 1 where it is not."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from minimascope.cli import findings, progress
from minimascope.cli.fail_if import FAIL_IF, condition, judged
from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError


def command(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    fail_if: Annotated[list[str] | None, typer.Option(metavar="CONDITION", help=FAIL_IF)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress on standard error")] = False,
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> int:
    """Follow an analysis to its end; the last line is its state, after what a done one found."""
    conditions, report = [condition(each) for each in fail_if or ()], None
    with client(server, token) as asked:
        with progress.shown(quiet=quiet) as shown:
            analysis = asked.wait(identifier, progress=lambda done, said: shown.at(done, "", said))
        done = analysis.state == "done"
        if done and (conditions or not as_json):
            report = asked.report(identifier)
        if report is not None and not as_json:
            findings.show(report)
            findings.show_failures(report)
    answer(as_json, analysis, analysis.state)
    if analysis.problem:
        print(ProblemError.from_dict(analysis.problem).line(), file=sys.stderr)
    return judged(conditions, report) if report is not None else int(not done)
