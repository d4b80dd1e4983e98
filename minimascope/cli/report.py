"""`minimascope report ID`: the report as JSON, and the arrays as .npz."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from minimascope import calls
from minimascope.cli.options import Subparsers, add_server, client
from minimascope.problems import ProblemError


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("report", help="fetch a report, and its arrays")
    command.add_argument("id", metavar="ID")
    command.add_argument("--output", metavar="FILE", help="default: standard output")
    command.add_argument("--arrays", metavar="FILE.npz")
    add_server(command)


def _write(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        sentence = f"Cannot write {path!r}: {error.strerror}."
        raise ProblemError("cannot_write", sentence) from error


def run(args: argparse.Namespace) -> int:
    with client(args) as server:
        report = json.loads(server.send(calls.report_bytes(args.id)))
        text = json.dumps(report, indent=2) + "\n"
        if args.output:
            _write(args.output, text.encode())
        else:
            sys.stdout.write(text)
        if args.arrays:
            _write(args.arrays, server.send(calls.arrays_bytes(args.id)))
    return 0
