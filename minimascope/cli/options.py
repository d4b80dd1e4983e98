"""The options that make up `Parameters`, shared by `analyze` and `submit`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from minimascope.parameters import Parameters
from minimascope.problems import ProblemError
from minimascope.report import STAGES


def add_parameter_options(parser: argparse.ArgumentParser) -> None:
    """Adds every option besides the files; absent ones keep the defaults of `Parameters`."""
    add = parser.add_argument
    add("--architecture", metavar="JSON|FILE", help='e.g. {"family": "mlp", "activation": "relu"}')
    add("--loss", help="cross_entropy (default), binary or mse")
    add("--weight-decay", type=float, help="the optimiser's L2 weight decay")
    add("--lr", type=float, help="learning rate, to find λ without weight decay")
    add("--momentum", type=float)
    add("--steps", type=int, help="optimiser steps taken")
    add("--top-k", type=int, help="eigenvectors to compute (default 10)")
    add("--lambdas", metavar="A,B,...", help="more points for the curves over λ")
    add("--epsilon", type=float, help="threshold of G(ε); read from random vectors if absent")
    add("--dtype", help="float64 (default) or float32")
    add("--device", help="cpu (default) or cuda")
    add("--seed", type=int)
    add("--stages", metavar="A,B,...", help=f"from {','.join(STAGES)}")


def parameters_from(args: argparse.Namespace) -> Parameters:
    """Validated parameters; raises ProblemError naming the option that is wrong."""
    given: dict[str, Any] = {
        name: getattr(args, name)
        for name in Parameters.model_fields
        if getattr(args, name, None) is not None
    }
    if "architecture" in given:
        given["architecture"] = architecture_from(given["architecture"])
    if "lambdas" in given:
        given["lambdas"] = [number(part) for part in split(given["lambdas"])]
    if "stages" in given:
        given["stages"] = split(given["stages"])
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise ProblemError(
            "invalid_parameter", f"{option} {first['input']!r}: {first['msg']}.", status=400
        ) from error


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ProblemError(
            "invalid_parameter", f"--lambdas holds {text!r}, which is not a number."
        ) from error


def architecture_from(text: str) -> dict[str, Any]:
    """JSON given on the command line, or a file that holds it."""
    source = text
    if not text.lstrip().startswith("{"):
        try:
            source = Path(text).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ProblemError(
                "architecture_invalid",
                f"--architecture {text!r} is neither JSON nor a readable file.",
                'Give e.g. \'{"family": "mlp", "activation": "relu"}\'.',
            ) from error
    try:
        value = json.loads(source)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ProblemError(
            "architecture_invalid", f"--architecture is not JSON: {error}."
        ) from error
    if not isinstance(value, dict):
        raise ProblemError("architecture_invalid", "--architecture must be a JSON object.")
    return value
