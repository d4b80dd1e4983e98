"""The same examples, once each and in order, from everything that scripts hold them in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from minimascope.contract.problems import ProblemError
from minimascope.training.examples import read

X, Y = torch.arange(22.0).reshape(11, 2), torch.arange(11) % 3
PAIRS = TensorDataset(X, Y)


class Rows(Dataset[Any]):
    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"x": X[place], "label": int(Y[place])}


class HuggingFace:
    """As `datasets.Dataset` answers: rows are dicts of plain lists, and `features` are known."""

    column_names = ("text", "x", "label")

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"text": "words", "x": X[place].tolist(), "label": int(Y[place])}


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([(X[i], Y[i]) for i in range(11)])


class Backwards(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        return iter([9, 7, 5, 3, 1])


def batches() -> list[tuple[Tensor, Tensor]]:
    return [(X[:6], Y[:6]), (X[6:], Y[6:])]


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        (X.numpy(), Y.tolist()),
        PAIRS,
        Rows(),
        HuggingFace(),
        [(X[i], int(Y[i])) for i in range(11)],
        batches(),
        DataLoader(PAIRS, 4, shuffle=True, drop_last=True),
        DataLoader(Rows(), 4, shuffle=True),
        DataLoader(PAIRS, 4, sampler=WeightedRandomSampler(torch.ones(11), 30)),
        DataLoader(PAIRS, batch_size=None),
        DataLoader(Stream(), 4),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_example_once_and_in_order(data: Any) -> None:
    if isinstance(data, DataLoader) and data.batch_sampler is None:
        data = DataLoader(batches(), batch_size=None)
    table = read(data, "training")
    (inputs,) = table.inputs.values()
    assert torch.equal(inputs.float(), X)
    assert table.target is not None
    assert torch.equal(table.columns[table.target].long(), Y)


def test_what_a_loader_leaves_out_is_said() -> None:
    said = read(DataLoader(PAIRS, 4, shuffle=True, drop_last=True), "training").said
    assert said == [
        "drop_last left 3 of 11 examples out of each epoch; here all count, as shuffling gives "
        "each its turn."
    ]


def test_a_sampler_of_a_part_means_that_part() -> None:
    part = read(DataLoader(PAIRS, 4, sampler=SubsetRandomSampler([8, 2, 5])), "training")
    assert torch.equal(part.columns[0], X[[2, 5, 8]])
    own = read(DataLoader(PAIRS, 2, sampler=Backwards()), "training")
    assert torch.equal(own.columns[0], X[1:10:2])
    assert "the 6 others were left out" in own.said[0]


def test_inputs_that_differ_each_time_are_augmented() -> None:
    class Noisy(Rows):
        def __getitem__(self, place: int) -> dict[str, Any]:
            return {"x": X[place] + torch.rand(2), "label": int(Y[place])}

    table = read(DataLoader(Noisy(), 4, shuffle=True), "training")
    assert table.augmented
    assert "augmentation" in table.said[0]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "No training data came."),
        (iter(batches()), "can be gone over once"),
        ([], "empty"),
        (5, "The training data are a int."),
        ((X, Y[:3]), "have shapes [11, 2] with [3]"),
        ((X, ["a"] * 11), "holds no numbers"),
        ([(X[:6], Y[:6]), (X[6:, :1], Y[6:])], "examples of shapes [1] and [2]"),
        ((np.empty((0, 2)), np.empty(0)), "no examples"),
    ],
)
def test_what_is_no_data_gets_one_sentence(data: Any, sentence: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read(data, "training")
    assert sentence in refused.value.sentence
    assert refused.value.code == "data_unusable"
