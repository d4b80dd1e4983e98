"""`minimascope wait ID`: follows an analysis; exit 0 where it is done, 1 where it is not."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from minimascope.cli import findings, progress
from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    from minimascope.client import Client
    from minimascope.client.events import Event
    from minimascope.contract.schemas import Analysis

PATIENCE = 20
RETRY_SECONDS = 0.5


def command(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress on standard error")] = False,
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> int:
    """Follow an analysis to its end; the last line is its state, after what a done one found."""
    with client(server, token) as asked:
        with progress.shown(quiet=quiet) as shown:
            analysis = _ended(asked, identifier, shown)
        done = analysis.state == "done"
        if done and not as_json:
            report = asked.report(identifier)
            findings.show(report)
            findings.show_failures(report)
    answer(as_json, analysis, analysis.state)
    if analysis.problem:
        print(ProblemError.from_dict(analysis.problem).line(), file=sys.stderr)
    return 0 if done else 1


def _ended(server: Client, identifier: str, shown: progress.Progress) -> Analysis:
    """The analysis at its end; a stream that breaks is taken up again."""
    from minimascope.contract.schemas import FINAL_STATES

    last, failures = "", 0
    while True:
        try:
            for event in server.events(identifier, last_event_id=last):
                _show(event, shown)
                last = event.id or last
            analysis = server.analysis(identifier)
            if analysis.state in FINAL_STATES:
                return analysis
        except ProblemError as problem:
            failures += 1
            if problem.code != "server_unreachable" or not last or failures > PATIENCE:
                raise
        time.sleep(RETRY_SECONDS)


def _show(event: Event, shown: progress.Progress) -> None:
    data = event.data
    if event.name in ("state", "snapshot"):
        shown.at(float(data.get("progress") or 0.0), str(data["state"]), "")
    elif event.name == "progress":
        shown.at(float(data["progress"]), "running", str(data["message"]))
    # The next progress names a stage; a silent worker is replaced, a problem ends the analysis.
