"""`minimascope submit`: uploads what is a file, queues an analysis, prints its id."""

from __future__ import annotations

import argparse

from minimascope.cli.options import (
    Subparsers,
    add_parameters,
    add_server,
    client,
    parameters,
    stored,
)
from minimascope.contract.schemas import AnalysisRequest


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("submit", help="queue an analysis, print its id")
    command.add_argument("--checkpoint", metavar="FILE|ID", required=True)
    command.add_argument("--train", metavar="FILE|ID", required=True)
    command.add_argument("--test", metavar="FILE|ID")
    command.add_argument("--name", default="", help="what to call the analysis")
    add_parameters(command)
    add_server(command)


def run(args: argparse.Namespace) -> int:
    asked = parameters(args)
    with client(args) as server:
        request = AnalysisRequest(
            name=args.name,
            checkpoint=stored(server, "checkpoint", args.checkpoint),
            train=stored(server, "dataset", args.train),
            test=stored(server, "dataset", args.test) if args.test else None,
            parameters=asked,
        )
        print(server.submit(request).id)
    return 0
