"""A fold by the user's own training script, in a process of the user's own Python.

It is run as `python train.py --train-indices FILE.npy --held-out-indices FILE.npy --output PATH`,
with the user's further arguments after these, and has to train on the rows of the data that the
first file numbers (int64, from 0), and to write at PATH one of

- losses by itself: .npz or JSON with `train` and `held_out`, one loss an example in the order of
  the index files, or `losses` of all rows of the data in their order; .npy with the latter;
- a checkpoint, which is opened and evaluated here.

numpy's savers add their ending to PATH, which is fine.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.validation.digests import digest_of
from minimascope.validation.folds import Ints, fold_of, numbered
from minimascope.validation.result import CrossValidation, Fold, Measured, check_finite
from minimascope.validation.running import Progress, run_folds
from minimascope.validation.script_losses import written_losses
from minimascope.validation.state import State

RESULT = "result"
PATIENCE = 10.0  # seconds for a script to end by itself
ENDINGS = ("", ".npz", ".npy", ".json", ".pt", ".pt2", ".pth", ".safetensors")


@dataclass(frozen=True)
class Script:
    """`command` is Python, the script, its own arguments; all it prints goes to `log`.

    `evaluate` gives the losses of all n examples under a checkpoint.
    """

    command: Sequence[str]
    n: int
    log: Path
    evaluate: Callable[[Path], Measured]

    def train(self, number: int, mine: Ints, others: Ints) -> Fold:
        """One fold. Raises ProblemError script_failed, losses_unusable, and those of intake."""
        with tempfile.TemporaryDirectory(prefix="minimascope-fold-") as name:
            folder = Path(name)
            self._run(number, folder, mine, others)
            path = self._written(folder)
            sides = written_losses(path, self.n, mine, others)
            if sides is None:
                found = self.evaluate(path)
                sides = _rows(found, mine), _rows(found, others)
        for side, rows in zip(sides, (mine, others), strict=True):
            check_finite(side.losses, rows)
        return Fold(train=sides[0], held_out=sides[1])

    @property
    def digest(self) -> str:
        """Sha256 of the script's text and its own arguments."""
        text = Path(self.command[1]).read_bytes()
        return hashlib.sha256(text + json.dumps(self.command[2:]).encode()).hexdigest()

    def _run(self, number: int, folder: Path, mine: Ints, others: Ints) -> None:
        given = {"train-indices": mine, "held-out-indices": others}
        arguments = ["--output", str(folder / RESULT)]
        for option, rows in given.items():
            path = folder / f"{option}.npy"
            np.save(path, rows)
            arguments += [f"--{option}", str(path)]
        python, script, *own = self.command
        with self.log.open("wb") as log:
            status = _waited([python, script, *arguments, *own], log)
        if status:
            raise ProblemError(
                "script_failed",
                f"{script!r} ended with status {status} in fold {number + 1}: {_last(self.log)}",
                f"All that it printed is in {str(self.log)!r}; folds that were done are kept.",
            )

    def _written(self, folder: Path) -> Path:
        for ending in ENDINGS:
            path = folder / f"{RESULT}{ending}"
            if path.is_file():
                return path
        raise ProblemError(
            "script_failed",
            f"{self.command[1]!r} wrote nothing at the path given as --output.",
            "It has to write losses (.npz, .npy or JSON) or a checkpoint there.",
        )


def _waited(command: list[str], log: Any) -> int:
    """Exit status; the script is ended with us."""
    try:
        process = subprocess.Popen(  # noqa: S603  the user's own script, as they asked
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    except OSError as error:
        said = f"{command[0]!r} cannot be started: {error.strerror}."
        raise ProblemError("script_failed", said, "Name your Python with --python.") from error
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last(log: Path) -> str:
    """The last line that says something."""
    lines = log.read_bytes()[-20_000:].decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f"{said[-1][:300]}" if said else "it printed nothing."


def _rows(found: Measured, rows: Ints) -> Measured:
    return Measured(found.losses[rows], None if found.correct is None else found.correct[rows])


def cross_validate_script(
    script: Script,
    *,
    k: int,
    data: str,
    loss: str,
    seed: int = 0,
    labels: Any = None,
    groups: Any = None,
    state: Path | None = None,
    progress: Progress | None = None,
) -> CrossValidation:
    """`cross_validate` with a script in place of a function; `data` is the digest of the data."""
    split = fold_of(script.n, k, seed=seed, labels=labels, groups=groups)
    identity = {
        "data": data,
        "split": digest_of(split),
        "script": script.digest,
        "k": k,
        "seed": seed,
        "loss": loss,
    }
    folds = run_folds(split, script.train, state=State(state, identity), progress=progress)
    members = None if groups is None else numbered("groups", groups, script.n)
    return CrossValidation(folds, split, loss, seed, members)
