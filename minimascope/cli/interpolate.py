"""`minimascope interpolate ID ID`: the loss on the straight line between two minima."""

from __future__ import annotations

import argparse

from pydantic import ValidationError

from minimascope.cli.options import Subparsers, add_server, client, write
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import InterpolationCurve, InterpolationRequest


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("interpolate", help="loss on the line between two minima")
    command.add_argument("first", metavar="ID")
    command.add_argument("second", metavar="ID")
    command.add_argument("--steps", metavar="N", default="20", help="from one to the other")
    command.add_argument("--output", metavar="FILE.json", help="the whole curve")
    add_server(command)


def _request(args: argparse.Namespace) -> InterpolationRequest:
    """Raises ProblemError `invalid_parameters`."""
    try:
        return InterpolationRequest.model_validate({"other": args.second, "steps": args.steps})
    except ValidationError as error:
        first = error.errors()[0]
        sentence = f"--{first['loc'][0]}: {first['msg']} (given {first['input']!r})."
        raise ProblemError("invalid_parameters", sentence) from error


def lines(curve: InterpolationCurve) -> list[str]:
    """The barrier of each split in words."""
    found = []
    for name, split in (("train", curve.train), ("test", curve.test)):
        if split is not None:
            barrier = split.barrier
            found.append(
                f"{name}: barrier {barrier.value:.4g} ± {barrier.standard_error:.2g} nats "
                f"at α = {barrier.alpha:.3g} (n = {split.n})"
            )
    return found


def run(args: argparse.Namespace) -> int:
    request = _request(args)
    with client(args) as server:
        curve = server.interpolation(args.first, request)
    if args.output:
        write(args.output, curve.model_dump_json().encode())
    print("\n".join(lines(curve)))
    return 0
