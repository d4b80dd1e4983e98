"""Files of torch.save, read with `weights_only=True`: tensors and plain containers, no code.

A zip that holds other objects too is read once more by our own reader, which makes none of them.
"""

from __future__ import annotations

import pickle
import re
from typing import Any, BinaryIO

import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import pickle_refused
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.weights import inert_checkpoint, pickle_steps

_GLOBAL = re.compile(r"GLOBAL ([\w.]{1,200})")


def read(file: BinaryIO, *, zipped: bool) -> tuple[Any, list[str]]:
    """The saved object, from a zip or legacy file, and what was left out of it.

    Raises ProblemError: pickle_refused naming what the pickle asks for, file_damaged.
    """
    _check_steps(file, zipped=zipped)
    try:
        return torch.load(file, map_location="cpu", weights_only=True), []
    except pickle.UnpicklingError as error:
        if not zipped:
            raise _refusal(str(error)) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        if "not enough memory" in str(error) or "DefaultCPUAllocator" in str(error):
            raise
        raise damaged("torch cannot read it") from error
    file.seek(0)
    return inert_checkpoint.read(file)


def _check_steps(file: BinaryIO, *, zipped: bool) -> None:
    """Counted before torch follows them one by one."""
    if zipped:
        pickle_steps.check(*inert_checkpoint.tables(file))
    else:
        pickle_steps.check(file.read(pickle_steps.LEGACY_BYTES), pickles=pickle_steps.LEGACY)
    file.seek(0)


def _refusal(text: str) -> ProblemError:
    wanted = _GLOBAL.search(text)
    if wanted:
        return pickle_refused(f"asks Python for {wanted.group(1)}")
    if "Unsupported" in text or "not allowed" in text:
        return pickle_refused("holds Python objects other than tensors")
    return damaged("its table of tensors is not readable")


def not_here() -> ProblemError:
    """The refusal of a server for others that cannot shut this reader in."""
    return ProblemError(
        "torch_file_refused",
        "This server takes no files of torch.save: it serves others, and its machine has neither "
        "Landlock nor seccomp to shut their reader in.",
        "Send .safetensors (safetensors.torch.save_file(model.state_dict(), path)) or .pt2.",
    )
