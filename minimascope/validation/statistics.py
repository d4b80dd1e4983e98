"""What losses on either side of k splits say of the gap, and how far that may be off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minimascope.validation.folds import Ints

Floats = NDArray[np.float64]


def weighted(values: Sequence[float], sizes: Sequence[int]) -> float:
    """Mean over examples of a number of each fold: folds weigh by what they hold out."""
    return float(np.average(np.array(values), weights=np.array(sizes)))


def error_over_folds(gaps: Sequence[float], sizes: Sequence[int]) -> float:
    """√(k/(k−1) Σ (n_j/n)² (g_j − g)²): sd/√k for equal folds, the usual one, k − 1 degrees."""
    shares = np.array(sizes) / sum(sizes)
    apart = shares * (np.array(gaps) - weighted(gaps, sizes))
    return float(np.sqrt(len(gaps) / (len(gaps) - 1) * np.sum(apart**2)))


def error_of_mean(values: Floats, members: Ints | None = None) -> float:
    """Standard error of the mean of `values` (n,); groups are drawn together where given (n,)."""
    apart = values - values.mean()
    sums = apart if members is None else np.bincount(members, weights=apart)
    return float(np.sqrt(len(sums) / (len(sums) - 1) * np.sum(sums**2)) / len(values))


def error_of_expected(held_out: Floats, train: Floats, members: Ints | None = None) -> float:
    """Of the expected gap at n(1 − 1/k): each example's loss held out less its own in training.

    An example that is hard for whatever was trained is so on both sides, and cancels. Folds share
    examples, so this is somewhat small: no unbiased error of K-fold exists (Bengio and Grandvalet
    2004).
    """
    return error_of_mean(held_out - train, members)


def error_of_one_set(held_out: Floats, train: Floats, members: Ints | None = None) -> float:
    """Of the gap of the training set at hand: what a test set would measure without end.

    The training loss at hand scatters around its expectation by sd(loss)/√n however the network
    was trained. That is no error of K-fold's, and is added to it.
    """
    own = error_of_expected(held_out, train, members)
    return float(np.hypot(own, error_of_mean(held_out, members)))
