"""`minimascope wait ID`: follows an analysis; exit 0 where it is done, 1 where it is not."""

from __future__ import annotations

import argparse
import sys
import time

from minimascope.cli.options import Subparsers, add_server, client
from minimascope.client import Client
from minimascope.client.events import Event
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES, Analysis

PATIENCE = 20


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("wait", help="follow an analysis to its end")
    command.add_argument("id", metavar="ID")
    add_server(command)


def _line(event: Event) -> str:
    data = event.data
    if event.name == "stage":
        seconds = f" ({data['seconds']:.1f} s)" if data["seconds"] is not None else ""
        return f"{data['stage']}: {data['state']}{seconds}"
    if event.name in ("state", "snapshot"):
        return str(data["state"])
    return f"{100 * data['progress']:3.0f}% {data['message']}"


def _follow(server: Client, identifier: str, last: str) -> str:
    """Prints events until the stream ends; the id to resume at."""
    for event in server.events(identifier, last_event_id=last):
        print(_line(event), flush=True)
        last = event.id or last
    return last


def _ended(server: Client, identifier: str) -> Analysis:
    """The analysis at its end; a stream that breaks is taken up again."""
    last, failures = "", 0
    while True:
        try:
            last = _follow(server, identifier, last)
            analysis = server.analysis(identifier)
            if analysis.state in FINAL_STATES:
                return analysis
        except ProblemError as problem:
            failures += 1
            if problem.code != "server_unreachable" or not last or failures > PATIENCE:
                raise
        time.sleep(0.5)


def run(args: argparse.Namespace) -> int:
    with client(args) as server:
        analysis = _ended(server, args.id)
    if analysis.problem:
        print(ProblemError.from_dict(analysis.problem).line(), file=sys.stderr)
    return 0 if analysis.state == "done" else 1
