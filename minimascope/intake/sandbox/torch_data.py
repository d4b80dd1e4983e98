"""Data saved with torch.save: (X, y), a table of tensors, a TensorDataset; none of them is made.

torchvision's processed MNIST is the pair, CIFAR-like scripts save {"data": …, "targets": …}.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import splits
from minimascope.intake.files.safetensors_format import FLOAT8
from minimascope.intake.files.tensor_checks import check_plain
from minimascope.intake.weights import torch_file
from minimascope.intake.weights.inert_pickle import Inert

SHORT = (torch.float16, torch.bfloat16, *FLOAT8)


def read(source: BinaryIO, *, zipped: bool, size: int, inputs: int = 1) -> dict[str, np.ndarray]:
    """Arrays by name; of a tuple so many `inputs` before y.

    Raises ProblemError: not_a_dataset, pickle_refused, file_damaged.
    """
    saved, _ = torch_file.read(source, zipped=zipped)
    tensors = _named(saved, inputs)
    if any(name.endswith((".weight", ".bias")) for name in tensors):
        raise checkpoint()
    check_plain(tensors, file_bytes=size)
    return {name: as_array(tensor) for name, tensor in tensors.items()}


def as_array(tensor: Tensor) -> np.ndarray:
    """Its numbers for numpy, which has no bfloat16."""
    tensor = tensor.detach()
    found: np.ndarray = (tensor.float() if tensor.dtype in SHORT else tensor).numpy()
    return found


def _named(saved: Any, inputs: int = 1) -> dict[str, Tensor]:
    """X and y of a pair, or the tensors of a table by their names, splits within it too."""
    if isinstance(saved, Inert):
        state = saved.state if isinstance(saved.state, dict) else {}
        saved = state.get("tensors", state)
    if isinstance(saved, (tuple, list)):
        return _of_pair(list(saved), inputs)
    found: dict[str, Tensor] = {}
    for key, value in saved.items() if isinstance(saved, dict) else ():
        if isinstance(value, Tensor):
            found[str(key)] = value
        elif isinstance(value, (list, tuple)) and _is_numbers(value):
            found[str(key)] = torch.tensor(value)
        elif splits.word(str(key)) and isinstance(value, (tuple, list, dict, Inert)):
            found |= {f"{key}_{name}": each for name, each in _named(value, inputs).items()}
    if not found:
        raise _no_data("a table without tensors" if isinstance(saved, dict) else "one value")
    return found


def _is_numbers(values: Any) -> bool:
    return bool(values) and all(type(value) in (int, float) for value in values)


def _of_pair(values: list[Any], inputs: int) -> dict[str, Tensor]:
    pairs = [v for v in values if isinstance(v, (tuple, list)) and len(v) == 2]
    if len(pairs) == len(values) > 2 and all(isinstance(x, Tensor) for x, _ in pairs):
        return _of_examples(pairs)
    tensors = [torch.tensor(v) if _is_list(v) else v for v in values]
    if len(tensors) < 2 or not all(isinstance(each, Tensor) for each in tensors[:2]):
        raise _no_data(f"{len(values)} values that are not X and y")
    if len(tensors) == inputs + 1 > 2 and all(isinstance(each, Tensor) for each in tensors):
        return {**{f"input {k + 1}": each for k, each in enumerate(tensors[:-1])}, "y": tensors[-1]}
    if len(tensors) > 2:
        raise _no_data(f"{len(values)} tensors; which of them are X and y is not said")
    return {"X": tensors[0], "y": tensors[1]}


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and _is_numbers(value)


def _of_examples(pairs: list[Any]) -> dict[str, Tensor]:
    """A list of (x, y), as list(dataset) is saved."""
    if len({tuple(x.shape) for x, _ in pairs}) > 1:
        raise _no_data("a list of examples of several shapes")
    if not all(
        type(y) in (int, float) or (isinstance(y, Tensor) and y.numel() == 1) for _, y in pairs
    ):
        raise _no_data("a list of examples without one label each")
    labels = [y.item() if isinstance(y, Tensor) else y for _, y in pairs]
    return {"X": torch.stack([x for x, _ in pairs]), "y": torch.tensor(labels)}


def checkpoint() -> ProblemError:
    """Weights where data were asked for."""
    return ProblemError(
        "not_a_dataset",
        "The file is a checkpoint, not a data set.",
        "Send arrays X and y as .npz: numpy.savez(path, X=X, y=y).",
    )


def _no_data(what: str) -> ProblemError:
    return ProblemError(
        "not_a_dataset",
        f"The file of torch.save holds {what}.",
        'Save a pair, torch.save((X, y), path), or names: torch.save({"X": X, "y": y}, path).',
    )
