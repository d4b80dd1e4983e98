"""The fixed examples that everything is measured on, drawn once by the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from minimascope.training.examples import holds_batches, is_pair, read
from minimascope.training.loaders import in_order
from minimascope.training.table import table_of


class Batches:
    """Batches in hand, which can be gone over again."""

    def __init__(self, found: list[Any]) -> None:
        self.found = found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.found)


def drawn(data: Any, count: int, *, seed: int, which: str) -> tuple[Any, int]:
    """Data of at most `count` examples, as `analyze` takes them, and how many there are in all.

    A stream gives its first ones, and does not say how many it has: those count as all. Raises
    ProblemError data_unusable.
    """
    if isinstance(data, DataLoader):
        return _of_loader(data, count, seed, which)
    if is_pair(data):
        rows = _rows(len(data[1]), count, seed)
        return tuple(_taken(each, rows) for each in data), len(data[1])
    if hasattr(data, "column_names") and hasattr(data, "select"):  # Hugging Face
        return data.select(_rows(len(data), count, seed)), len(data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not holds_batches(data):
        return _part(data, count, seed), len(data)
    read(data, which)  # says what is wrong with anything that cannot be gone over
    return _first(data, count)


def _rows(total: int, count: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return sorted(torch.randperm(total, generator=generator)[:count].tolist())


def _taken(values: Any, rows: list[int]) -> Any:
    return values[rows] if hasattr(values, "shape") else [values[row] for row in rows]


def _part(dataset: Any, count: int, seed: int) -> Dataset[Any]:
    return Subset(dataset, _rows(len(dataset), count, seed))


def _of_loader(loader: DataLoader[Any], count: int, seed: int, which: str) -> tuple[Any, int]:
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        return _first(loader, count)
    ordered = in_order(loader)
    whole: Any = ordered.loader.dataset
    if len(whole) == 0:
        read(loader, which)
    some = _part(whole, count, seed)
    collate: Callable[[list[Any]], Any] = loader.collate_fn
    return DataLoader(some, batch_size=ordered.batch_size or 1, collate_fn=collate), len(whole)


def _first(batches: Any, count: int) -> tuple[Batches, int]:
    found: list[Any] = []
    seen = 0
    for batch in islice(iter(batches), count):
        found.append(batch)
        seen += table_of([batch]).n
        if seen >= count:
            break
    return Batches(found), seen
