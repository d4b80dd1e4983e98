"""A file with the learning rate of every step, as what it says of training: their sum and number.

Text or CSV (the last column where there are several, one line a step), JSON (a list), or npy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from minimascope.cli.files import existing
from minimascope.contract.problems import ProblemError

LARGEST = 2**28  # bytes


def told_by(text: str) -> dict[str, Any]:
    """lr_sum and steps. Raises ProblemError where the file holds no learning rates."""
    path = existing(text)
    try:
        rates = _rates(path)
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(text, f"it holds no learning rates ({error})") from error
    if rates.ndim != 1 or rates.size == 0:
        raise _refused(text, f"it holds numbers of shape {rates.shape}, not one a step")
    if not np.isfinite(rates).all() or (rates < 0).any() or not rates.any():
        raise _refused(text, "learning rates are finite, not negative, and not all 0")
    return {"lr_sum": float(rates.sum()), "steps": int(rates.size)}


def _rates(path: Path) -> np.ndarray[Any, Any]:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MB")
    if path.suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    text = path.read_text()
    if path.suffix == ".json":
        return np.asarray(json.loads(text), dtype=np.float64)
    last = [line.replace(",", " ").split()[-1] for line in text.splitlines() if line.strip()]
    if last and not _is_number(last[0]):
        last = last[1:]  # the column's name
    return np.asarray([float(each) for each in last])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refused(text: str, why: str) -> ProblemError:
    return ProblemError(
        "invalid_parameters",
        f"--schedule: {text!r} is no schedule: {why}.",
        "Choose constant, cosine, linear or step, or give a file with the learning rate of every "
        "step.",
    )
