"""Losses that a training script wrote by itself: .npz, .npy or JSON, told by their content."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from minimascope.validation.folds import Ints
from minimascope.validation.refusals import losses_unusable
from minimascope.validation.result import Measured
from minimascope.validation.statistics import Floats

NAMES = {"train", "held_out", "losses"}


def written_losses(
    path: Path, n: int, mine: Ints, others: Ints
) -> tuple[Measured, Measured] | None:
    """Losses of the rows trained on and of those held out; None where the file is a checkpoint.

    Raises ProblemError losses_unusable where they cannot be read or are not one an example.
    """
    losses = _losses(path)
    if losses is None:
        return None
    if "losses" in losses:
        whole = _of_shape(losses, "losses", n)
        return Measured(whole[mine]), Measured(whole[others])
    return (
        Measured(_of_shape(losses, "train", len(mine))),
        Measured(_of_shape(losses, "held_out", len(others))),
    )


def _of_shape(losses: dict[str, Floats], name: str, n: int) -> Floats:
    if name not in losses:
        raise losses_unusable(f"The script wrote no {name!r} and no 'losses'.")
    if losses[name].shape != (n,):
        shape = list(losses[name].shape)
        raise losses_unusable(f"The script wrote {name!r} of shape {shape} for {n} examples.")
    return losses[name]


def _losses(path: Path) -> dict[str, Floats] | None:
    """What a file of losses holds; None for a checkpoint. Raises ProblemError losses_unusable."""
    try:
        given = _arrays(path)
        if given is None:
            return None
        return {name: np.asarray(each, dtype=np.float64) for name, each in given.items()}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        said = " ".join(str(error).split())[:200]
        raise losses_unusable(
            f"The losses that the script wrote cannot be read: {said}."
        ) from error


def _arrays(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if path.suffix == ".json" or head[:1] in (b"{", b"["):
            given = json.load(file)
            return given if isinstance(given, dict) else {"losses": given}
        if head == b"\x93NUMPY":
            return {"losses": np.load(file, allow_pickle=False)}
        if not zipfile.is_zipfile(file):
            return None
        with zipfile.ZipFile(file) as archive:
            if not all(name.endswith(".npy") for name in archive.namelist()):
                return None  # torch's files are zips too
        file.seek(0)
        arrays = np.load(file, allow_pickle=False)
        return {name: arrays[name] for name in NAMES & set(arrays.files)}
