"""`minimascope report ID`: the report as JSON, and the arrays as .npz."""

from __future__ import annotations

import argparse
import json
import sys

from minimascope.cli.options import Subparsers, add_server, client, write
from minimascope.client import calls


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("report", help="fetch a report, and its arrays")
    command.add_argument("id", metavar="ID")
    command.add_argument("--output", metavar="FILE", help="default: standard output")
    command.add_argument("--arrays", metavar="FILE.npz")
    add_server(command)


def run(args: argparse.Namespace) -> int:
    with client(args) as server:
        report = json.loads(server.send(calls.report_bytes(args.id)))
        text = json.dumps(report, indent=2) + "\n"
        if args.output:
            write(args.output, text.encode())
        else:
            sys.stdout.write(text)
        if args.arrays:
            write(args.arrays, server.send(calls.arrays_bytes(args.id)))
    return 0
