"""Options that several commands share."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from minimascope.client import Client
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import STAGES, Loss
from minimascope.contract.schemas import UploadKind
from minimascope.contract.settings import Settings

Subparsers = Any  # argparse's own type is private
SHA256 = re.compile(r"[0-9a-f]{64}")
AS_TYPED = (
    *("loss", "label", "weight_decay", "lr", "momentum", "steps", "top_k", "spectrum_examples"),
    *("epsilon", "dtype", "device", "seed"),
)


def add_server(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", metavar="URL", help="address of the server")
    command.add_argument("--token", help="its token (default: MINIMASCOPE_TOKEN)")


def client(args: argparse.Namespace) -> Client:
    settings = Settings()
    default = settings.api_url or f"http://127.0.0.1:{settings.port}"
    return Client(args.server or default, args.token or settings.token)


def existing(text: str) -> Path:
    """Raises ProblemError `no_such_file`."""
    path = Path(text).expanduser()
    if path.is_dir():
        raise ProblemError("no_such_file", f"{text!r} is a folder; a file is needed.")
    if not path.is_file():
        raise ProblemError("no_such_file", f"There is no file {text!r}.")
    return path


def write(path: str, content: bytes) -> None:
    """Raises ProblemError `cannot_write`."""
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise ProblemError("cannot_write", f"Cannot write {path!r}: {error.strerror}.") from error


def stored(server: Client, kind: UploadKind, text: str) -> str:
    """The id of a file, uploaded now, or the id itself."""
    if SHA256.fullmatch(text):
        return server.upload(kind, text).id
    return server.store(kind, existing(text)).id


def add_parameters(command: argparse.ArgumentParser) -> None:
    """Everything of `Parameters`, for submit and analyze."""
    command.add_argument("--architecture", metavar="JSON|FILE", help="an mlp or sequential spec")
    command.add_argument("--loss", choices=get_args(Loss), help="default cross_entropy")
    command.add_argument("--label", metavar="COLUMN", help="default: y, label or target")
    command.add_argument("--weight-decay", metavar="X", help="L2 term of the optimiser")
    command.add_argument("--lr", metavar="X")
    command.add_argument("--momentum", metavar="X")
    command.add_argument("--steps", metavar="N")
    command.add_argument("--top-k", metavar="N", help="eigenvectors, default 10")
    command.add_argument(
        "--spectrum-examples", metavar="N", help="spectrum of N examples drawn by the seed"
    )
    command.add_argument("--lambdas", metavar="A,B,...", help="more points of the curves")
    command.add_argument("--epsilon", metavar="X", help="alignment threshold of G")
    command.add_argument("--dtype", choices=["float64", "float32"])
    command.add_argument("--device", choices=["cpu", "cuda"])
    command.add_argument("--seed", metavar="N")
    command.add_argument("--stages", metavar="A,B,...", help=f"of {','.join(STAGES)}")


def _architecture(text: str) -> Any:
    """JSON given in place, or a file that holds it."""
    try:
        in_place = text.lstrip()[:1] in ("{", "[", '"')
        given = json.loads(text if in_place else existing(text).read_text())
        if not isinstance(given, dict):
            raise ValueError(f"{str(given)[:60]!r} is not an object with a family")
        return given
    except (OSError, ValueError, RecursionError) as error:
        raise ProblemError(
            "architecture_invalid",
            f"The architecture is no JSON object: {error}.",
            'Give for example {"family": "mlp", "activation": "relu"}.',
        ) from error


def parameters(args: argparse.Namespace) -> Parameters:
    """Raises ProblemError `invalid_parameters` with the first offending value."""
    given = {name: getattr(args, name) for name in AS_TYPED}
    for name in ("lambdas", "stages"):
        text = getattr(args, name)
        given[name] = None if text is None else [part for part in text.split(",") if part]
    if args.architecture is not None:
        given["architecture"] = _architecture(args.architecture)
    try:
        return Parameters.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        sentence = f"--{option}: {first['msg']} (given {first['input']!r})."
        raise ProblemError("invalid_parameters", sentence) from error
