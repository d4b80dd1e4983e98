"""A checkpoint as a value: weights by name, read once in the sandbox, kept as safetensors."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.intake.sandbox import sandbox
from minimascope.intake.sandbox.parser_process import Limits, parse
from minimascope.intake.values.training_facts import TrainingFacts, facts_of

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_BYTES = 4 << 30
BYTES_A_SECOND = 50 << 20  # read, checked and written again


@dataclass(frozen=True)
class Checkpoint:
    """Weights in saved order. `format`: torch, safetensors, huggingface, pt2, or training where a
    file holds an optimiser's state and no weights.

    `picked` says what was chosen inside the file, "" if nothing had to be; `sha256` is of the
    file as sent; `ordered` tells whether the saved order of layers is known (safetensors files
    are sorted by name); `graph` is the program of a .pt2, None for bare weights;
    `config` the config.json of a Hugging Face model; `tied` names each further name of a tensor
    that has several, with its first; `frozen` are names that the file says were not trained;
    `masks` are those of pruned tensors, 0 where they stay 0; `taken` is a row for each part of the
    file (`intake.files.taken`); `words` are those of a tokenizer's ids, where one came along.
    """

    tensors: dict[str, Tensor]
    format: str
    sha256: str
    picked: str = ""
    warnings: list[str] = field(default_factory=list)
    ordered: bool = True
    graph: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    tied: dict[str, str] = field(default_factory=dict)
    frozen: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    masks: dict[str, Tensor] = field(default_factory=dict)
    training: TrainingFacts = field(default_factory=TrainingFacts)
    moments: dict[int, Tensor] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_size(path: Path, *, largest: int) -> int:
    """Bytes of a regular file. Raises ProblemError: not_a_checkpoint, checkpoint_too_large."""
    try:
        found = path.lstat()
    except OSError as error:
        raise ProblemError("not_a_file", f"There is no file {path.name!r}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise ProblemError("not_a_file", f"{path.name!r} is not a plain file.")
    if found.st_size > largest:
        raise ProblemError(
            "checkpoint_too_large",
            f"The file has {found.st_size} bytes; at most {largest} are taken.",
            "Save only the weights (model.state_dict()), without optimizer state.",
        )
    return found.st_size


def limits_for(size: int, *, rate: int = BYTES_A_SECOND, growth: int = 4) -> Limits:
    """Processor time and memory for a file of `size` bytes: 10 s and 1 GiB, more for large ones.

    `rate` bytes of it are read in a second of processor time; unpacked and converted it may be
    `growth` times its size.
    """
    return Limits(
        seconds=10.0 + size / rate,
        memory_bytes=(1 << 30) + growth * size,
        output_bytes=(128 << 20) + growth * size,
    )


def torch_files() -> str:
    """Files of torch.save are pickles: a server for others opens them only well shut in."""
    others = Settings().serves_others()
    return "refused" if others and not sandbox.may_open_torch_files() else "taken"


def convert_checkpoint(path: Path, *, output: Path | None) -> dict[str, Any]:
    """Converts a checkpoint to safetensors in the sandbox; loads no torch in this process.

    Answers format, sha256, picked, warnings and tensors (name, shape, dtype). Raises
    ProblemError as `read_checkpoint` does.
    """
    size = checked_size(path, largest=CHECKPOINT_BYTES)
    options = {"torch_files": torch_files()}
    found = parse("checkpoint", path, output=output, options=options, limits=limits_for(size))
    return {**found, "sha256": file_sha256(path)}


def read_checkpoint(path: Path, *, workdir: Path) -> Checkpoint:
    """Opens any accepted checkpoint, decided by content: .safetensors, .pt/.pth/.ckpt/.bin.

    The file is parsed in a sandboxed process that writes `weights.safetensors` into `workdir`;
    this process reads only that. Raises ProblemError: not_a_checkpoint, pickle_refused,
    unsupported_format, checkpoint_too_large, nan_weights, tensor_refused, deflate_bomb,
    file_damaged, sandbox_timeout, sandbox_memory, sandbox_crashed.
    """
    found = read_training(path, workdir=workdir)
    if found.format == "training":
        raise ProblemError(
            "not_a_checkpoint",
            "The file holds the state of an optimiser and no weights.",
            "Send the weights as checkpoint and this file as optimizer_state.",
        )
    return found


def read_training(path: Path, *, workdir: Path) -> Checkpoint:
    """The same for a file that need not hold weights: an optimiser's state says enough."""
    from safetensors import safe_open

    converted = workdir / "weights.safetensors"
    found = convert_checkpoint(path, output=converted)
    training = facts_of(found.get("training"))
    rows = training.optimizer.state if training.optimizer else []
    with safe_open(converted, framework="pt") as weights:
        tensors = {row["name"]: weights.get_tensor(row["name"]) for row in found["tensors"]}
        moments = {row.id: weights.get_tensor(row.tensor) for row in rows if row.tensor}
        pruned = found.get("pruned", {}).items()
        masks = {name: weights.get_tensor(place) for name, place in pruned}
    converted.unlink()  # its pages stay; the next file of this folder does not write into them
    return Checkpoint(
        tensors=tensors,
        format=found["format"],
        sha256=found["sha256"],
        picked=found["picked"],
        warnings=found["warnings"],
        ordered=found["format"] not in ("safetensors", "huggingface"),
        graph=found.get("graph"),
        config=found.get("config"),
        tied=found.get("tied", {}),
        frozen=found.get("frozen", []),
        taken=found.get("taken", []),
        masks=masks,
        training=training,
        moments=moments,
        words=found.get("words", []),
    )
