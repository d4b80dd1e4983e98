"""The file that a killed run goes on from: losses of the folds that are done, and of what run.

An .npz, replaced whole after every fold: `held_out_2`, `train_2`, … are readable by anyone.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.validation.result import Fold, Measured

OF = "of"
Side = Literal["train", "held_out"]


@dataclass(frozen=True)
class State:
    """Folds kept in a file; without a path nothing is kept. `identity` is what they are of."""

    path: Path | None
    identity: dict[str, Any]

    def read(self) -> dict[int, Fold]:
        """The folds that are done. Raises ProblemError state_differs, state_unreadable."""
        if self.path is None or not self.path.exists():
            return {}
        try:
            given = _arrays_in(self.path)
            there = dict(json.loads(str(given.pop(OF))))
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ProblemError(
                "state_unreadable",
                f"{str(self.path)!r} holds no folds that can be gone on from.",
                "Remove it, or name another file.",
            ) from error
        self._compare(there)
        return {number: _fold(given, number) for number in map(int, there["done"])}

    def write(self, folds: dict[int, Fold]) -> None:
        """All or nothing. Raises ProblemError cannot_write."""
        if self.path is None:
            return
        arrays = {name: each for j, fold in folds.items() for name, each in _arrays(j, fold)}
        arrays[OF] = np.array(json.dumps({**self.identity, "done": sorted(folds)}))
        temporary = self.path.with_name(f"{self.path.name}.writing")
        try:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            os.replace(temporary, self.path)
        except OSError as error:
            sentence = f"Cannot write {str(self.path)!r}: {error.strerror}."
            raise ProblemError("cannot_write", sentence, "Choose another file.") from error

    def _compare(self, there: dict[str, Any]) -> None:
        differ = [name for name, here in self.identity.items() if there.get(name) != here]
        if not differ:
            return
        said = ", ".join(_difference(name, there.get(name), self.identity[name]) for name in differ)
        raise ProblemError(
            "state_differs",
            f"{str(self.path)!r} holds folds of another run ({said}).",
            "Remove it, or name another file.",
        )


def _difference(name: str, there: Any, here: Any) -> str:
    digest = isinstance(here, str) and len(here) == 64
    return f"other {name}" if digest else f"{name} {there!s:.60} there, {here!s:.60} here"


def _arrays_in(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:  # numpy leaves a file open that is no zip
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("one array alone")
        return {name: arrays[name] for name in arrays.files}


def _arrays(number: int, fold: Fold) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [(f"seconds_{number}", np.array(fold.seconds))]
    sides: list[tuple[Side, Measured]] = [("train", fold.train), ("held_out", fold.held_out)]
    for side, measured in sides:
        found.append((f"{side}_{number}", measured.losses))
        if measured.correct is not None:
            found.append((f"{side}_correct_{number}", measured.correct))
    return found


def _fold(given: dict[str, Any], number: int) -> Fold:
    def side(name: Side) -> Measured:
        return Measured(given[f"{name}_{number}"], given.get(f"{name}_correct_{number}"))

    return Fold(side("train"), side("held_out"), float(given[f"seconds_{number}"]))
