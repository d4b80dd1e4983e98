"""`minimascope upload FILE`: stores a checkpoint or data set and prints its id."""

from __future__ import annotations

import argparse

from minimascope.cli.options import Subparsers, add_server, client, existing


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("upload", help="store a file on the server, print its id")
    command.add_argument("file", metavar="FILE")
    command.add_argument("--kind", choices=["checkpoint", "dataset"], default="checkpoint")
    add_server(command)


def run(args: argparse.Namespace) -> int:
    with client(args) as server:
        print(server.store(args.kind, existing(args.file)).id)
    return 0
