"""`minimascope slice ID`: a plane through input space with its decision boundary, as .npz."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from pydantic import ValidationError

from minimascope.cli.options import Subparsers, add_server, client, write
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import PlaneName, SliceRequest


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("slice", help="compute a plane of the decision boundary")
    command.add_argument("id", metavar="ID")
    command.add_argument("--plane", choices=get_args(PlaneName), required=True)
    command.add_argument("--points", metavar="A,B,C", help="three training rows, from 0")
    command.add_argument("--vector", metavar="K", help="of plane extremes, default 1")
    command.add_argument("--components", metavar="A,B", help="of plane principal, default 1,2")
    command.add_argument("--bounds", metavar="XLOW,XHIGH,YLOW,YHIGH")
    command.add_argument("--resolution", metavar="N", help="grid points a side")
    command.add_argument("--output", metavar="FILE.npz", required=True)
    add_server(command)


def _request(args: argparse.Namespace) -> SliceRequest:
    """Raises ProblemError `invalid_parameters` with the first offending value."""
    lists = {"points": 3, "components": 2, "bounds": 4}
    given: dict[str, Any] = {
        name: _values(name, getattr(args, name), count)
        for name, count in lists.items()
        if getattr(args, name) is not None
    }
    given |= {k: getattr(args, k) for k in ("vector", "resolution") if getattr(args, k) is not None}
    try:
        return SliceRequest.model_validate({"plane": args.plane, **given})
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{first['loc'][0]}: " if first["loc"] else ""
        said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        raise ProblemError("invalid_parameters", f"{option}{said}.") from error


def _values(name: str, text: str, count: int) -> list[str]:
    values = text.split(",")
    if len(values) != count:
        sentence = f"--{name} takes {count} values separated by commas, not {text!r}."
        raise ProblemError("invalid_parameters", sentence)
    return values


def _shape(values: Sequence[int]) -> str:
    return " × ".join(map(str, values))


def run(args: argparse.Namespace) -> int:
    request = _request(args)
    with client(args) as server:
        arrays = server.slice(args.id, request)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write(args.output, content.getvalue())
    print(f"{args.output}: {_shape(arrays['slice_alignment'].shape)} alignments")
    return 0
