"""Inputs and targets out of named arrays, and what was found in them. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError

Arrays = dict[str, np.ndarray]
INPUTS = ("X", "x", "inputs", "data", "images", "features", "x_train", "X_train")
TARGETS = ("y", "Y", "labels", "targets", "label", "target", "y_train")
CLASSES = 10_000
BLOCK_NUMBERS = 1_000_000
NUMBERS_COMPARED, ROWS_COMPARED = 50_000_000, 1_000_000


def _find(arrays: Arrays, names: tuple[str, ...], warnings: list[str]) -> np.ndarray:
    present = [name for name in names if name in arrays]
    if not present:
        shown = ", ".join(repr(name[:40]) for name in list(arrays)[:8]) or "nothing"
        raise ProblemError(
            "dataset_missing_arrays",
            f"The data need arrays 'X' and 'y'; the file holds {shown}.",
            "Save them with numpy.savez(path, X=inputs, y=labels).",
        )
    if present[0] != names[0]:
        warnings.append(f"Array {present[0]!r} was taken as {names[0]!r}.")
    return arrays[present[0]]


def _native(array: np.ndarray) -> np.ndarray:
    """Little-endian as torch wants it, contiguous and writable; copied only if it is not."""
    return np.require(array, dtype=array.dtype.newbyteorder("="), requirements=["C", "W"])


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Rows in parts whose copies are small beside what a data set may hold."""
    rows = max(BLOCK_NUMBERS * len(array) // array.size, 1)
    return (array[start : start + rows] for start in range(0, len(array), rows))


def _not_finite(array: np.ndarray) -> int:
    return array.size - sum(int(np.isfinite(part).sum()) for part in _blocks(array))


def _inputs(array: np.ndarray, integers: str, warnings: list[str]) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise ProblemError(
            "not_a_dataset",
            f"The inputs X are of dtype {array.dtype}, not numbers.",
            "Turn texts into numbers as in training: X.astype(float), or one column a category.",
        )
    if array.dtype.kind == "f":
        array = array.astype(np.float64 if array.dtype.itemsize >= 8 else np.float32, copy=False)
    elif integers == "keep":
        array = array.astype(np.int64, copy=False)
    else:
        warnings.append(
            f"The inputs are whole numbers ({array.dtype}); taken as they are, not rescaled."
        )
        array = array.astype(np.float32)
    bad = _not_finite(array)
    if bad:
        raise ProblemError(
            "nan_data",
            f"The inputs X hold {bad} NaN or infinite values among {array.size}.",
            "Remove or fill those rows as the training script did.",
        )
    return _native(array)


def _targets(array: np.ndarray, warnings: list[str]) -> tuple[np.ndarray, list[str]]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
        warnings.append("The targets had shape n × 1; taken as n labels.")
    if array.dtype.kind in "US":
        names, codes = np.unique(array.astype(str), return_inverse=True)
        if len(names) > CLASSES:
            raise ProblemError("not_a_dataset", f"The labels have {len(names)} different texts.")
        warnings.append("Text labels were numbered in alphabetical order.")
        return codes.astype(np.int64), [str(name)[:200] for name in names]
    if array.dtype.kind in "iub":
        if array.size and array.max() > np.iinfo(np.int64).max:
            raise ProblemError("labels_out_of_range", f"Label {array.max()} is no class number.")
        return _native(array.astype(np.int64)), []
    array = array.astype(np.float64 if array.dtype.itemsize >= 8 else np.float32)
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise ProblemError(
            "nan_data",
            f"The targets y hold {bad} NaN or infinite values among {array.size}.",
            "Every example needs a label; remove those that have none.",
        )
    return _native(array), []


def one_number_each(name: str, array: np.ndarray, n: int) -> np.ndarray:
    """An array beside inputs and targets as (n,) float64.

    Raises ProblemError not_a_dataset (texts, another length), nan_data.
    """
    if array.size != n or len(array) != n or array.dtype.kind not in "fiub":
        raise ProblemError(
            "not_a_dataset",
            f"{name[:60]!r} has shape {list(array.shape)} and dtype {array.dtype}; it needs one "
            f"number for each of {n} examples.",
        )
    column = array.reshape(n).astype(np.float64)
    if not np.isfinite(column).all():
        raise ProblemError("nan_data", f"{name[:60]!r} holds NaN or infinite values.")
    return _native(column)


def _counts(targets: np.ndarray) -> dict[str, int] | None:
    """Examples of each class, where the targets look like classes."""
    if targets.ndim != 1 or targets.dtype.kind != "i":
        return None
    values, counts = np.unique(targets, return_counts=True)
    if len(values) > 1000:
        return None
    return {str(v): int(c) for v, c in zip(values, counts, strict=True)}


def _scale(inputs: np.ndarray) -> str:
    """How the inputs are normalised, in words: a network sees them exactly so."""
    mean = sum(part.sum(dtype=np.float64) for part in _blocks(inputs)) / inputs.size
    squares = sum(np.square(part - mean, dtype=np.float64).sum() for part in _blocks(inputs))
    deviation = (squares / inputs.size) ** 0.5
    return (
        f"Values from {inputs.min():.4g} to {inputs.max():.4g}, mean {mean:.3g}, standard "
        f"deviation {deviation:.3g}; used as they are."
    )


def _repeated(inputs: np.ndarray) -> int | None:
    """Examples that are byte for byte a copy of an earlier one; None where there are too many."""
    if inputs.size > NUMBERS_COMPARED or len(inputs) > ROWS_COMPARED:
        return None
    return len(inputs) - len({hash(row.tobytes()) for row in inputs})


def lay_out(
    arrays: Arrays, *, integers: str = "float", label: str | None = None
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Inputs (n × ...; float32 or float64), targets (n int64, n or n × K float) and a summary.

    `integers`: whole-number inputs become float32 ("float") or stay int64 token ids ("keep").
    `label`: the array of labels, where it has none of the usual names.
    Raises ProblemError: dataset_missing_arrays, not_a_dataset, nan_data, empty_data.
    """
    warnings: list[str] = []
    named = [each for each in arrays if label and visible(each) == visible(label)]
    names = (*named, *TARGETS)
    inputs, targets = _find(arrays, INPUTS, warnings), _find(arrays, names, warnings)
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) == 0 or inputs.size == 0:
        raise ProblemError(
            "empty_data",
            f"The data are empty: X has shape {list(inputs.shape)}, y {list(targets.shape)}.",
            "At least one example is needed.",
        )
    if len(inputs) != len(targets):
        raise ProblemError(
            "not_a_dataset",
            f"X has {len(inputs)} rows but y has {len(targets)}.",
            "Each example needs one label.",
        )
    if inputs.ndim == 1:
        inputs = inputs[:, None]
        warnings.append("X had one axis; taken as n examples of one number.")
    laid, (goals, texts) = _inputs(inputs, integers, warnings), _targets(targets, warnings)
    counts = _counts(goals)
    summary = {
        "n": len(laid),
        "input_shape": list(laid.shape[1:]),
        "dtype": str(laid.dtype),
        "range": [float(laid.min()), float(laid.max())],
        "scale": _scale(laid),
        "repeated": _repeated(laid),
        "target_kind": "classes" if goals.dtype.kind == "i" else "numbers",
        "target_shape": list(goals.shape[1:]),
        "classes": len(counts) if counts is not None else None,
        "class_counts": counts,
        "names": texts,
        "warnings": warnings,
    }
    return laid, goals, summary
