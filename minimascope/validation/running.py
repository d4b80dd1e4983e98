"""Fold after fold: what is done is kept, what is left is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from minimascope.validation.folds import Ints
from minimascope.validation.result import Fold
from minimascope.validation.state import State

# Fraction done in [0, 1] and a sentence; `print` is one.
Progress = Callable[[float, str], object]
# Trains on the first indices, measures both: fold number, training indices, held-out indices.
Trained = Callable[[int, Ints, Ints], Fold]


def run_folds(
    fold_of: Ints, train: Trained, *, state: State, progress: Progress | None = None
) -> tuple[Fold, ...]:
    """Every fold that the state does not have is trained, measured and kept in it."""
    k, told = int(fold_of.max()) + 1, progress or _untold
    done = state.read()
    state.write(done)  # whether it can be is known before hours of training
    for number in range(k):
        if number in done:
            continue
        told(len(done) / k, _words([fold.seconds for fold in done.values()], k))
        begun = time.monotonic()
        found = train(number, np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number))
        done[number] = replace(found, seconds=time.monotonic() - begun)
        state.write(done)
    told(1.0, f"{k} of {k} folds done")
    return tuple(done[number] for number in range(k))


def _words(seconds: list[float], k: int) -> str:
    """How many are done, and what is left by what those took."""
    done = len(seconds)
    said = f"{done} of {k} folds done"
    if not done:
        return said
    return f"{said}, about {(k - done) * sum(seconds) / done:.0f} s left"


def _untold(fraction: float, sentence: str) -> None:
    """Progress that nobody asked for."""
