"""`minimascope architectures`: what bare weights may be, with the loss of each on the data."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, get_args

from minimascope.cli.options import Subparsers, existing
from minimascope.contract.report import Loss


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("architectures", help="architectures that bare weights allow")
    command.add_argument("--checkpoint", required=True, metavar="FILE")
    command.add_argument("--train", required=True, metavar="FILE")
    command.add_argument("--label", metavar="COLUMN", help="column of labels")
    command.add_argument("--loss", choices=get_args(Loss), default="cross_entropy")


def _row(candidate: dict[str, Any]) -> str:
    accuracy = candidate["accuracy"]
    shown = "-" if accuracy is None else f"{accuracy:.4f}"
    return f"{candidate['loss']:<11.5g}  {shown:<8}  {json.dumps(candidate['architecture'])}"


def run(args: argparse.Namespace) -> int:
    """A table, least loss first; the JSON of a row is what --architecture takes."""
    from minimascope.intake.networks.candidates import candidate_table

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        found = candidate_table(
            existing(args.checkpoint),
            existing(args.train),
            loss=args.loss,
            label=args.label,
            workdir=Path(workdir),
        )
    print(f"{'loss':<11}  {'accuracy':<8}  architecture")
    for candidate in found["candidates"]:
        print(_row(candidate))
    print(found["advice"])
    return 0
