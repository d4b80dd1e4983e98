"""`minimascope export`: a network of the user's own code as a verified .pt2, in this process."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minimascope.cli.files import existing, given
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    from torch import Tensor, nn

EXAMPLE = ".npz with a batch X, or with one array an argument of forward"
MODEL = "a function, a class or a network: train:build, net.py:Net, timm:create_model"


def command(
    model: Annotated[str, typer.Argument(metavar="MODULE:NAME", help=MODEL)],
    example: Annotated[str, typer.Option(metavar="FILE", help=EXAMPLE)],
    output: Annotated[Path, typer.Option(metavar="model.pt2", help="where it goes")],
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help='of the function: {"width": 64}')
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(metavar="FILE", help="weights to load into the network")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a network of your own code as a verified .pt2; your code runs in this process."""
    from minimascope.intake.exporting import export

    batch = existing(example)
    network = _made(model, _arguments(arguments))
    if checkpoint:
        _load(network, given(checkpoint, "checkpoint"))
    export(network, _example(str(batch), network), output)
    answer(as_json, {"output": str(output)}, str(output))


def _failed(sentence: str, advice: str = "") -> ProblemError:
    return ProblemError("export_failed", sentence, advice)


def _module(place: str) -> Any:
    """The user's own module, by dotted name from here or by path of its file."""
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = existing(place)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise _failed(f"{place!r} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return module


def _arguments(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise _failed(f"--arguments is no JSON: {error}.") from error
    if not isinstance(given, dict):
        raise _failed("--arguments is no JSON object.", 'For example {"num_classes": 10}.')
    return given


def _made(text: str, arguments: dict[str, Any]) -> nn.Module:
    """The network that MODULE:NAME stands for. Raises ProblemError export_failed."""
    from torch import nn

    place, _, name = text.rpartition(":")
    if not place or not name:
        raise _failed(f"{text!r} is not of the form MODULE:NAME.", "For example train:build_model.")
    sys.path.insert(0, str(Path(place).parent if place.endswith(".py") else Path.cwd()))
    try:
        found: Any = getattr(_module(place), name)
        made = found if isinstance(found, nn.Module) else found(**arguments)
    except ProblemError:
        raise
    except Exception as error:  # the user's own code may fail in any way
        raise _failed(f"{text} cannot be made: {type(error).__name__}: {error}.") from error
    if not isinstance(made, nn.Module):
        raise _failed(f"{text} gives a {type(made).__name__}, not a torch.nn.Module.")
    return made


def _example(text: str, model: nn.Module) -> tuple[Tensor, ...]:
    """The batch in an .npz: its array X, its only one, or one an argument of forward."""
    from minimascope.intake.datasets.array_file import read_npz

    with existing(text).open("rb") as file:
        arrays = read_npz(file)
    own = [name for name in inspect.signature(model.forward).parameters if name in arrays]
    if "X" in arrays or len(arrays) == 1:
        return (_tensor(arrays.get("X", next(iter(arrays.values()))), model),)
    if len(own) > 1:
        return tuple(_tensor(arrays[name], model) for name in own)
    shown = ", ".join(map(repr, arrays))
    raise _failed(
        f"{text!r} holds the arrays {shown}; the batch is looked for under X, several inputs under "
        "the names of forward's arguments."
    )


def _tensor(array: Any, model: nn.Module) -> Tensor:
    """Floating numbers as the weights are, whole ones as token ids."""
    import torch

    batch = torch.from_numpy(array.copy())
    if not batch.is_floating_point():
        return batch.long()
    weight = next((p for p in model.parameters() if p.is_floating_point()), batch)
    return batch.to(weight.dtype)


def _load(model: nn.Module, checkpoint: Path) -> None:
    """Weights of any accepted file into the user's network, every key in its place."""
    from minimascope.intake.values.checkpoint import read_checkpoint

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        tensors = read_checkpoint(checkpoint, workdir=Path(workdir)).tensors
        try:
            model.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise ProblemError("architecture_mismatch", f"{reason}.") from error
