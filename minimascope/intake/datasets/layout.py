"""Inputs and targets out of named arrays, and what was found in them. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.found import Arrays
from minimascope.intake.files.taken import Row, left, named

INPUTS = ("X", "x", "inputs", "data", "images", "features", "input_ids")
TARGETS = ("y", "Y", "labels", "targets", "label", "target")
MASKS = ("attention_mask", "token_type_ids")
CLASSES = 10_000
BLOCK_NUMBERS = 1_000_000
TOKENS = "none: ids of tokens, used as they are"
NUMBERS_COMPARED, ROWS_COMPARED = 50_000_000, 1_000_000


def target_names(arrays: Arrays, label: str | None) -> tuple[str, ...]:
    """What the array of labels may be called, the name that a person gave first."""
    return (*(each for each in arrays if label and visible(each) == visible(label)), *TARGETS)


def found_under(arrays: Arrays, names: tuple[str, ...]) -> str:
    """The first of the names that there is. Raises ProblemError dataset_missing_arrays."""
    present = [name for name in names if name in arrays]
    if not present:
        shown = ", ".join(repr(name[:40]) for name in list(arrays)[:8]) or "nothing"
        raise ProblemError(
            "dataset_missing_arrays",
            f"The data need arrays 'X' and 'y'; the file holds {shown}.",
            "Save them with numpy.savez(path, X=inputs, y=labels).",
        )
    return present[0]


def _with_own_labels(
    arrays: Arrays, chosen: str, names: tuple[str, ...], warnings: list[str]
) -> Arrays:
    """Token ids without labels are their own, padding aside: a causal model is trained so."""
    ids = arrays[chosen]
    if chosen != "input_ids" or ids.dtype.kind not in "iu" or any(n in arrays for n in names):
        return arrays
    mask = arrays.get(MASKS[0], np.ones_like(ids))
    if ids.ndim != 2 or mask.shape != ids.shape:
        return arrays
    warnings.append(
        "There are no labels beside 'input_ids': each token was taken as the label of its place, "
        "as in training a causal language model."
    )
    return {**arrays, "labels": np.where(mask != 0, ids.astype(np.int64), -100)}


def _masked(arrays: Arrays, chosen: str, warnings: list[str]) -> tuple[np.ndarray, list[str]]:
    """Token ids with their attention mask and token types as n × inputs × T; and which they are."""
    ids = arrays[chosen]
    masks = [name for name in MASKS if name in arrays] if chosen == "input_ids" else []
    if not masks:
        return ids, [chosen]
    if ids.ndim != 2 or any(arrays[n].shape != ids.shape for n in masks) or ids.dtype.kind != "i":
        raise ProblemError(
            "not_a_dataset",
            f"'input_ids' has shape {list(ids.shape)}; {masks[0]!r} has "
            f"{list(arrays[masks[0]].shape)}.",
            "Send ids and masks as whole numbers of one shape, examples × tokens.",
        )
    mask = arrays.get(MASKS[0], np.ones_like(ids))
    parts = [ids, mask, *(arrays[name] for name in masks if name == MASKS[1])]
    warnings.append(
        f"Several inputs were taken together: 'input_ids', {', '.join(map(repr, masks))}."
    )
    return np.stack([part.astype(np.int64) for part in parts], axis=1), [chosen, *masks]


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


@dataclass(frozen=True)
class Laid:
    """Inputs (n × ...; float32, float64 or int64), targets (n int64, n or n × K float), a summary
    for people, and what became of each array."""

    inputs: np.ndarray
    targets: np.ndarray
    summary: dict[str, Any]
    rows: list[Row]


def lay_out(
    arrays: Arrays,
    *,
    integers: str = "float",
    label: str | None = None,
    aside: Sequence[str] = (),
) -> Laid:
    """Inputs and targets among named arrays.

    `integers`: whole-number inputs become float32 ("float") or stay int64 token ids ("keep").
    `label`: the array of labels, where it has none of the usual names; `aside` are others that are
    wanted. Raises ProblemError: dataset_missing_arrays, not_a_dataset, nan_data, empty_data.
    """
    warnings: list[str] = []
    chosen = found_under(arrays, INPUTS)
    labelled = _with_own_labels(arrays, chosen, target_names(arrays, label), warnings)
    target = found_under(labelled, target_names(arrays, label))
    (inputs, taken), targets = _masked(arrays, chosen, warnings), labelled[target]
    _check_sizes(inputs, targets)
    if inputs.ndim == 1:
        inputs = inputs[:, None]
        warnings.append("X had one axis; taken as n examples of one number.")
    bytes_ = inputs.dtype == np.uint8
    # Ids of tokens are looked up, not computed with: nothing of their values is worth a word.
    ids = chosen == "input_ids"
    said: list[str] = [] if ids else warnings
    laid, (goals, texts) = _inputs(inputs, integers, said), _targets(targets, warnings)
    summary = {**_summary(laid, goals), "names": texts, "warnings": warnings, "bytes": bytes_}
    summary |= {"scale": TOKENS} if ids else {}
    return Laid(laid, goals, summary, _rows(arrays, taken, [target, *aside], warnings))


def _rows(arrays: Arrays, taken: list[str], beside: list[str], warnings: list[str]) -> list[Row]:
    """What became of each array; one that was left is said too."""
    others = [name for name in arrays if name not in {*taken, *beside}]
    rows = [Row(f"array {name!r} {list(arrays[name].shape)}", "an input") for name in taken]
    for name in [each for each in beside if each in arrays]:
        words = "the labels" if name == beside[0] else "kept beside the inputs"
        rows.append(Row(f"array {name!r} {list(arrays[name].shape)}", words))
    if others:
        why = "neither inputs nor labels, unless named as weights or groups"
        rows.append(left(f"arrays {named(others)}", why))
        warnings.append(f"Arrays {named(others)} were not taken as inputs or labels.")
    return rows


def _check_sizes(inputs: np.ndarray, targets: np.ndarray) -> None:
    """Raises ProblemError: empty_data, not_a_dataset."""
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


def _summary(laid: np.ndarray, goals: np.ndarray) -> dict[str, Any]:
    counts = _counts(goals)
    return {
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
    }
