"""The user's data, whatever it is: parts of it for training, batches of it for measuring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, default_collate
from typing_extensions import override  # comes with torch

from minimascope.validation.digests import digest_of
from minimascope.validation.folds import Ints
from minimascope.validation.refusals import folds_impossible

Batch = tuple[Any, Any]


class Examples(ABC):
    """n examples, each an input with its target."""

    n: int

    @abstractmethod
    def part(self, indices: Ints) -> Any:
        """What `fit` is given: data of the same kind, of these examples alone."""

    @abstractmethod
    def batch(self, indices: Ints) -> Batch:
        """Inputs and targets of these examples, stacked."""

    @abstractmethod
    def targets(self) -> Any:
        """All targets, stacked (n, …)."""

    @abstractmethod
    def digest(self) -> str:
        """Sha256 of what they are, so that folds of other data are told from these."""

    def batches(self, indices: Ints, size: int) -> Iterator[Batch]:
        """In order, `size` at a time."""
        for start in range(0, len(indices), size):
            yield self.batch(indices[start : start + size])


class Pair(Examples):
    """(X, y): arrays or tensors with the examples along the first axis."""

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.X, self.y = _array("X", inputs), _array("y", targets)
        self.n = len(self.X)
        if len(self.y) != self.n:
            raise folds_impossible(f"{self.n} inputs came with {len(self.y)} targets.")

    @override
    def part(self, indices: Ints) -> Batch:
        return self.batch(indices)

    @override
    def batch(self, indices: Ints) -> Batch:
        return _rows(self.X, indices), _rows(self.y, indices)

    @override
    def targets(self) -> Any:
        return self.y

    @override
    def digest(self) -> str:
        return digest_of(self.X, self.y)


class Items(Examples):
    """A map-style dataset of (input, target).

    Its digest is of the targets alone: inputs may be drawn anew whenever they are asked for.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset, self.n = dataset, len(dataset)

    @override
    def part(self, indices: Ints) -> Any:
        return Subset(self.dataset, indices.tolist())

    @override
    def batch(self, indices: Ints) -> Batch:
        found = default_collate([self._item(place) for place in indices.tolist()])
        return found[0], found[1]

    @override
    def targets(self) -> Any:
        known = getattr(self.dataset, "targets", None)  # as torchvision's have them
        if known is not None and len(known) == self.n:
            return _array("targets", known)
        return default_collate([self._item(place)[1] for place in range(self.n)])

    @override
    def digest(self) -> str:
        return digest_of(self.targets())

    def _item(self, place: int) -> Batch:
        item = self.dataset[place]
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            kind = type(item).__name__
            raise folds_impossible(
                f"Item {place} of the dataset is a {kind}, not (input, target).",
                "Wrap the dataset in one whose items are pairs.",
            )
        return item[0], item[1]


def examples_of(data: Any) -> Examples:
    """(X, y) or a map-style dataset. Raises ProblemError folds_impossible for anything else."""
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return Pair(*data)
    mapped = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if not mapped or hasattr(data, "shape") or hasattr(data, "keys"):
        raise folds_impossible(
            f"data is a {type(data).__name__}; it needs to be (X, y) or a map-style dataset."
        )
    return Items(data)


def _array(name: str, given: Any) -> Any:
    found = given if isinstance(given, Tensor) else np.asarray(given)
    if found.ndim == 0:
        raise folds_impossible(f"{name} is a {type(given).__name__}, no array of examples.")
    return found


def _rows(array: Any, indices: Ints) -> Any:
    if not isinstance(array, Tensor):
        return array[indices]
    return array[torch.from_numpy(indices).to(array.device)]
