"""One open file of weights, of any accepted format → tensors as safetensors and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.files.taken import Row, as_values, left
from minimascope.intake.files.tensor_checks import check_tensors, tied
from minimascope.intake.pt2 import graph
from minimascope.intake.weights import (
    adapter,
    quantised,
    reparametrised,
    sharded_training,
    state_dict,
    torch_file,
    torchscript,
    training,
    weight_archive,
)
from minimascope.intake.weights.state_dict import Picked
from minimascope.intake.weights.training import Training

MASK = "mask:"  # before a pruned tensor's name, of its mask among the tensors that are written
NONE_TRAINED = (
    "No parameter of the .pt2 has requires_grad, as if none had been trained: all were taken as "
    "trained. Name those that were (trainable), or export the network as it was trained."
)


@dataclass(frozen=True)
class Source:
    """An open file, its size, and what the server allows with it."""

    file: BinaryIO
    size: int
    torch_files: str


@dataclass(frozen=True)
class Read:
    """Weights as the file has them, what it says of its training, and what the answer adds."""

    picked: Picked
    told: Training = field(default_factory=Training)
    format: str = "torch"
    more: dict[str, Any] = field(default_factory=dict)


def tensor_table(tensors: dict[str, Tensor]) -> list[dict[str, Any]]:
    """Name, shape and dtype of each tensor, in order."""
    return [
        {"name": n, "shape": list(t.shape), "dtype": str(t.dtype).removeprefix("torch.")}
        for n, t in tensors.items()
    ]


def convert_checkpoint(
    source: BinaryIO, output: BinaryIO, options: dict[str, Any]
) -> dict[str, Any]:
    """Weights of any accepted format → safetensors; answers format, choices, tensor table."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    given = Source(source, size, options.get("torch_files", "taken"))
    if kind == "pt2":
        return _convert_pt2(source, output, size)
    reader = _READERS.get(kind or "")
    if reader is None:
        what = f"a data set ({kind})" if kind else "no known checkpoint format"
        raise _no_checkpoint(what if size else "empty (0 bytes)")
    read = reader(given)
    if not read.picked.tensors:
        return _only_training(read, output)
    return {"format": read.format, **_written(read.picked, read.told, output, size), **read.more}


def _safetensors(given: Source) -> Read:
    picked = state_dict.pick(safetensors_format.read(given.file, given.size))
    if adapter.is_adapter(picked.tensors):
        raise adapter.alone(picked.tensors)
    return Read(picked, format="safetensors")


def _torch(given: Source, *, zipped: bool) -> Read:
    if given.torch_files == "refused":
        raise torch_file.not_here()
    saved, said = torch_file.read(given.file, zipped=zipped)
    told = training.read(saved, file_bytes=given.size)
    sharded_training.check(saved)
    try:
        picked = state_dict.pick(saved, said)
    except ProblemError as problem:
        if not told.without_weights:
            raise problem
        return Read(Picked({}, "", said), told, "training")
    if adapter.is_adapter(picked.tensors):
        raise adapter.alone(picked.tensors)
    return Read(picked, told)


def _torchscript(given: Source) -> Read:
    if given.torch_files == "refused":
        raise torch_file.not_here()
    return Read(torchscript.read(given.file), format="torchscript")


def _archive(given: Source) -> Read:
    """A zip of files of weights; answers the config.json in it too, and a tokenizer's words."""
    found = weight_archive.read(given.file, torch_files=given.torch_files)
    told = training.read({**found.saved, "config": found.config}, file_bytes=given.size)
    picked = state_dict.pick(found.tensors, found.said)
    picked = replace(picked, rows=[*found.rows, *picked.rows])
    format = "safetensors" if found.config is None else "huggingface"
    return Read(picked, told, format, {"config": found.config, "words": found.words})


def _shards(given: Source) -> Read:
    """A zip of what many devices saved."""
    if given.torch_files == "refused":
        raise torch_file.not_here()
    found = sharded_training.read(given.file)
    told = training.read(found.saved, file_bytes=given.size)
    picked = state_dict.pick(found.saved, found.said)
    return Read(replace(picked, rows=[*found.rows, *picked.rows]), told, "shards")


_READERS: dict[str, Callable[[Source], Read]] = {
    "safetensors": _safetensors,
    "torch_zip": lambda given: _torch(given, zipped=True),
    "torch_legacy": lambda given: _torch(given, zipped=False),
    "torchscript": _torchscript,
    "weight_zip": _archive,
    "shards_zip": _shards,
}


def _written(picked: Picked, told: Training, output: BinaryIO, size: int) -> dict[str, Any]:
    """Checks and writes the weights, and what the optimiser kept of their gradients."""
    plain, said, rows = quantised.full(picked.tensors)
    masks = reparametrised.masks(plain)
    plain, more, parts = reparametrised.whole(plain)
    check_tensors(plain, file_bytes=size)
    tensors, criterion = training.without_criterion(plain)
    places = {name: f"{MASK}{name}" for name in masks if name in tensors}
    kept = {place: masks[name] for name, place in places.items()}
    safetensors_format.write({**told.moments, **kept, **tensors}, output)
    shared = tied(tensors)
    rows = [*picked.rows, *rows, *parts, *_of_criterion(plain, tensors, criterion)]
    return {
        "picked": picked.sentence,
        "warnings": [*picked.warnings, *said, *more, *_said_of(shared)],
        "tensors": tensor_table(tensors),
        "tied": shared,
        "frozen": _frozen(tensors),
        "pruned": places,
        "training": {**told.facts, **criterion},
        "taken": as_values([*rows, *_all_of(tensors, shared)]),
    }


def _all_of(tensors: dict[str, Tensor], shared: dict[str, str]) -> list[Row]:
    rows = [Row(f"{len(tensors) - len(shared)} tensors", "the network's weights and buffers")]
    return rows + [Row(f"{name!r}", f"the same as {kept!r}: tied") for name, kept in shared.items()]


def _of_criterion(
    before: dict[str, Tensor], after: dict[str, Tensor], facts: dict[str, Any]
) -> list[Row]:
    gone = [name for name in before if name not in after]
    used = facts.get("criterion")
    return [
        Row(f"tensor {name!r}", "weights of the loss")
        if name == used
        else left(f"tensor {name!r}", "the loss's own, not the network's")
        for name in gone
    ]


def _frozen(tensors: dict[str, Tensor]) -> list[str]:
    """Names that were saved as not trained, where the file tells trained from others."""
    if not any(tensor.requires_grad for tensor in tensors.values()):
        return []
    return [name for name, tensor in tensors.items() if not tensor.requires_grad]


def _only_training(read: Read, output: BinaryIO) -> dict[str, Any]:
    """A file of an optimiser's state alone."""
    safetensors_format.write(read.told.moments, output)
    return {
        "format": "training",
        "picked": "",
        "warnings": read.picked.warnings,
        "tensors": [],
        "training": read.told.facts,
        "taken": as_values([Row("the optimiser's state", "what it says of the training")]),
    }


def _said_of(shared: dict[str, str]) -> list[str]:
    pairs = [f"{name[:60]!r} is {kept[:60]!r}" for name, kept in shared.items()]
    return [f"Tied weights are one parameter: {', '.join(pairs[:8])}."] if pairs else []


def _convert_pt2(source: BinaryIO, output: BinaryIO, size: int) -> dict[str, Any]:
    """Weights of a .pt2 → safetensors; answers its program as our own table too."""
    tensors, program = graph.read(source)
    check_tensors(tensors, file_bytes=size)
    safetensors_format.write(tensors, output)
    fixed, said = program["batch"], list[str]()
    if fixed is not None:
        said += [f"The program was exported for a fixed batch of {fixed}; other batches may fail."]
    if program["frozen"] and program["frozen"] == program["trainable"]:
        said += [NONE_TRAINED]
        program["frozen"] = list[str]()
    rows = [
        Row(f"{len(tensors)} tensors", "the network's weights and constants"),
        Row(f"a program of {len(program['steps'])} steps", "the network"),
    ]
    return {
        "format": "pt2",
        "picked": "",
        "warnings": said,
        "tensors": tensor_table(tensors),
        "graph": program,
        "taken": as_values(rows),
    }


def _no_checkpoint(what: str) -> ProblemError:
    return ProblemError(
        "not_a_checkpoint",
        f"The file is {what}.",
        "Send weights as .safetensors or as a .pt/.pth/.ckpt state dict.",
    )
