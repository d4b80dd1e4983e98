"""Which examples a fold holds out: balanced, label by label, copies of one original together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minimascope.validation.refusals import folds_impossible

Ints = NDArray[np.int64]


def fold_of(n: int, k: int, *, seed: int = 0, labels: Any = None, groups: Any = None) -> Ints:
    """The fold 0 … k − 1 that holds out each of n examples (n,).

    Drawn by the seed. Sizes differ by one at the most, and so do the shares of every label where
    `labels` (n,) are given. Examples of one group (n,) are held out together, which leaves both as
    even as their sizes allow. Raises ProblemError folds_impossible for k < 2, k > n, fewer groups
    than folds and a group larger than a fold.
    """
    _check(n, k)
    kinds = np.zeros(n, dtype=np.int64) if labels is None else numbered("labels", labels, n)
    random = np.random.default_rng(seed)
    if groups is None:
        return _dealt(kinds, k, random)
    members = numbered("groups", groups, n)
    _check_groups(np.asarray(groups), members, k)
    return _dealt_groups(kinds, members, k, random)


def numbered(name: str, given: Any, n: int) -> Ints:
    """Labels or groups as numbers from 0. Raises ProblemError folds_impossible by their shape."""
    values = np.asarray(given)
    if values.shape != (n,):
        raise folds_impossible(f"{name} have shape {list(values.shape)} for {n} examples.")
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _check(n: int, k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 2:
        raise folds_impossible(f"k = {k!r}: K-fold needs a whole number of folds, at least 2.")
    if k > n:
        sentence = f"k = {k} folds of {n} examples: some would hold none out."
        raise folds_impossible(sentence, f"Take k up to {n}.")


def _check_groups(names: NDArray[Any], members: Ints, k: int) -> None:
    sizes = np.bincount(members)
    if len(sizes) < k:
        sentence = f"k = {k} folds of {len(sizes)} groups: some would hold none out."
        raise folds_impossible(sentence, f"Take k up to {len(sizes)}.")
    largest, fold = int(sizes.argmax()), -(-len(members) // k)
    if sizes[largest] > fold:
        name = names[int(np.argmax(members == largest))]
        raise folds_impossible(
            f"Group {name!s:.60} has {sizes[largest]} of {len(members)} examples, more than one of "
            f"{k} folds holds ({fold}).",
            f"Take k up to {len(members) // int(sizes[largest])}.",
        )


def _dealt(kinds: Ints, k: int, random: np.random.Generator) -> Ints:
    """Shuffled, sorted by label, dealt out in turn."""
    order = random.permutation(len(kinds))
    order = order[np.argsort(kinds[order], kind="stable")]
    found = np.empty(len(kinds), dtype=np.int64)
    found[order] = np.arange(len(kinds)) % k
    return random.permutation(k)[found]  # which folds get one more is drawn too


def _dealt_groups(kinds: Ints, members: Ints, k: int, random: np.random.Generator) -> Ints:
    """Largest groups first, each to the fold with the fewest of its labels, then of all."""
    sizes = np.bincount(members)
    counts = np.zeros((len(sizes), int(kinds.max()) + 1), dtype=np.int64)
    np.add.at(counts, (members, kinds), 1)
    order = random.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    held = np.zeros((k, counts.shape[1]), dtype=np.int64)
    place = np.empty(len(sizes), dtype=np.int64)
    for group in order:
        alike = held @ counts[group]
        # A fold that is full would leave another short.
        full = held.sum(1) + sizes[group] > -(-len(members) // k)
        place[group] = np.lexsort((held.sum(1), alike, full))[0]
        held[place[group]] += counts[group]
    return _none_empty(place, sizes, k)[members]


def _none_empty(place: Ints, sizes: Ints, k: int) -> Ints:
    """Gives a fold without groups the smallest one of the fold that has the most."""
    for fold in range(k):
        if not (place == fold).any():
            richest = np.bincount(place, minlength=k).argmax()
            mine = np.flatnonzero(place == richest)
            place[mine[sizes[mine].argmin()]] = fold
    return place
