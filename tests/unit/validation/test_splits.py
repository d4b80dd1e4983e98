"""Folds are balanced, by label and by group, and what cannot be is said in a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimascope.contract.problems import ProblemError
from minimascope.validation.folds import fold_of


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 120), st.integers(2, 12), st.integers(1, 5), st.integers(0, 99))
def test_sizes_and_shares_of_labels_differ_by_one_at_most(
    n: int, k: int, classes: int, seed: int
) -> None:
    k = min(k, n)
    labels = np.random.default_rng(seed).integers(classes, size=n)
    split = fold_of(n, k, seed=seed, labels=labels)
    assert np.ptp(np.bincount(split, minlength=k)) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(split[labels == label], minlength=k)) <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 8), st.integers(0, 99), st.integers(1, 4))
def test_a_group_is_held_out_together_and_no_fold_is_empty(k: int, seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(5 * k), random.integers(1, most + 1, size=5 * k))
    split = fold_of(len(groups), k, seed=seed, groups=groups)
    assert all(len(set(split[groups == each])) == 1 for each in np.unique(groups))
    sizes = np.bincount(split, minlength=k)
    assert sizes.min() > 0
    assert np.ptp(sizes) <= most


def test_groups_of_one_class_are_spread_by_class() -> None:
    groups = np.repeat(np.arange(40), 3)
    labels = groups % 4
    split = fold_of(120, 5, labels=labels, groups=groups)
    counts = np.array([np.bincount(labels[split == fold], minlength=4) for fold in range(5)])
    assert (counts == 6).all()


def test_the_seed_decides_and_nothing_else() -> None:
    assert (fold_of(50, 5, seed=3) == fold_of(50, 5, seed=3)).all()
    assert (fold_of(50, 5, seed=3) != fold_of(50, 5, seed=4)).any()


@pytest.mark.parametrize(
    ("n", "k", "groups", "words"),
    [
        (10, 1, None, "at least 2"),
        (10, 2.5, None, "whole number"),
        (10, 11, None, "k = 11 folds of 10 examples"),
        (6, 4, [0, 0, 1, 1, 2, 2], "k = 4 folds of 3 groups"),
        (10, 3, ["a"] * 7 + ["b", "c", "d"], "Group a has 7 of 10 examples"),
        (10, 3, [1, 2], "groups have shape [2] for 10 examples"),
    ],
)
def test_what_cannot_be_divided_is_said(n: int, k: int, groups: object, words: str) -> None:
    with pytest.raises(ProblemError) as refused:
        fold_of(n, k, groups=groups)
    assert refused.value.code == "folds_impossible"
    assert words in refused.value.sentence
