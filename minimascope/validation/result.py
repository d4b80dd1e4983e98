"""What K-fold found: losses of each fold on either side, the gap, its errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minimascope.contract.report.cross_validation import CrossValidation as Document
from minimascope.validation import statistics
from minimascope.validation.folds import Ints
from minimascope.validation.refusals import losses_unusable
from minimascope.validation.statistics import Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """Loss (m,) of each of m examples, and whether it was classified rightly (m,) if it was."""

    losses: Floats
    correct: Flags | None = None

    @property
    def loss(self) -> float:
        """Their mean."""
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float | None:
        """Share that is right; None where nothing is classified."""
        return None if self.correct is None else float(self.correct.mean())


def check_finite(values: Floats, indices: Ints) -> None:
    """Raises ProblemError losses_unusable, naming the first example whose loss is not finite."""
    for place in np.flatnonzero(~np.isfinite(values))[:1]:
        raise losses_unusable(
            f"The loss of example {indices[place]} is {values[place]}.",
            "Training may have diverged: see to it that every fold ends with finite losses.",
        )


@dataclass(frozen=True)
class Fold:
    """One training run: on n − m examples, with m held out; `seconds` that it took."""

    train: Measured
    held_out: Measured
    seconds: float = 0.0

    @property
    def gap(self) -> float:
        """Mean loss held out less mean loss in training."""
        return self.held_out.loss - self.train.loss


@dataclass(frozen=True)
class CrossValidation:
    """k folds of n examples. Losses as the user's loss gives them: nats for likelihoods.

    `fold_of` (n,) says which fold holds an example out. Every mean is over the examples held out.
    """

    folds: tuple[Fold, ...]
    fold_of: Ints
    loss_name: str
    seed: int
    members: Ints | None = None  # group of each example

    @property
    def k(self) -> int:
        return len(self.folds)

    @property
    def n(self) -> int:
        return len(self.fold_of)

    @property
    def sizes(self) -> list[int]:
        """How many examples each fold holds out (k)."""
        return [len(fold.held_out.losses) for fold in self.folds]

    @property
    def held_out_loss(self) -> float:
        return statistics.weighted([fold.held_out.loss for fold in self.folds], self.sizes)

    @property
    def train_loss(self) -> float:
        return statistics.weighted([fold.train.loss for fold in self.folds], self.sizes)

    @property
    def gap(self) -> float:
        """Held-out less training loss. Unbiased for the expected gap at n(1 − 1/k) examples.

        That is larger than the gap at n: see `gap_at_n`.
        """
        return statistics.weighted([fold.gap for fold in self.folds], self.sizes)

    @property
    def gap_at_n(self) -> float:
        """The gap with Burman's (1989) correction to all n examples: (1 − 1/k) times it.

        Burman adds to K-fold's loss the full fit's mean loss less the mean loss, over all
        examples, of the k fits. Less the full fit's training loss that is Σ n_j/n (1 − n_j/n) g_j:
        the full fit drops out. Right where the gap falls as 1/n; it falls slower for networks that
        interpolate, whose gap lies between the two.
        """
        kept = [(1 - m / self.n) * f.gap for m, f in zip(self.sizes, self.folds, strict=True)]
        return statistics.weighted(kept, self.sizes)

    @cached_property
    def held_out_losses(self) -> Floats:
        """Loss of each example by the network that has not seen it (n,)."""
        found = np.empty(self.n)
        for number, fold in enumerate(self.folds):
            found[self.fold_of == number] = fold.held_out.losses
        return found

    @cached_property
    def train_losses(self) -> Floats:
        """Mean loss of each example over the k − 1 networks that have seen it (n,)."""
        total = np.zeros(self.n)
        for number, fold in enumerate(self.folds):
            total[self.fold_of != number] += fold.train.losses
        return total / (self.k - 1)

    @property
    def standard_error(self) -> float:
        """Of the gap of the one training set at hand, over examples (or groups)."""
        return statistics.error_of_one_set(self.held_out_losses, self.train_losses, self.members)

    @property
    def standard_error_of_expected(self) -> float:
        """Of the expected gap at n(1 − 1/k), over examples (or groups); somewhat small."""
        return statistics.error_of_expected(self.held_out_losses, self.train_losses, self.members)

    @property
    def standard_error_over_folds(self) -> float:
        """Of the gap, from how the k folds differ: the usual one, on k − 1 degrees of freedom."""
        return statistics.error_over_folds([fold.gap for fold in self.folds], self.sizes)

    @property
    def accuracy(self) -> float | None:
        """Share of examples right when held out; None where nothing is classified."""
        return self._share([fold.held_out.accuracy for fold in self.folds])

    @property
    def train_accuracy(self) -> float | None:
        """The same in training."""
        return self._share([fold.train.accuracy for fold in self.folds])

    def _share(self, found: list[float | None]) -> float | None:
        known = [each for each in found if each is not None]
        return statistics.weighted(known, self.sizes) if len(known) == self.k else None

    @property
    def estimate(self) -> Document:
        """What an analysis takes as `cross_validation`: `model_dump_json()` is the document."""
        return Document.of(self, loss=self.loss_name, held_out_accuracy=self.accuracy)

    def save(self, path: str | Path) -> None:
        """Writes the document, for `minimascope analyze --cross-validation`."""
        Path(path).write_text(f"{self.estimate.model_dump_json(indent=1)}\n")
