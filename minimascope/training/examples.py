"""A script's data, each example once and in order: arrays, data sets, loaders, batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate

from minimascope.training.loaders import generators_kept, in_order
from minimascope.training.refusals import data_unusable, first_line, named
from minimascope.training.table import Table, table_of

AT_ONCE = 256
LOOKED_AT_AGAIN = 8  # examples, to see whether they are the same each time


def read(data: Any, which: str) -> Table:
    """The examples of `which` data ("training"). Raises ProblemError data_unusable."""
    if data is None:
        raise data_unusable(
            f"No {which} data came.", "Give the loader, the data set or (X, y) of training."
        )
    try:
        table = _read(data, which)
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise data_unusable(
            f"The {which} data cannot be gone over: {first_line(error)}."
        ) from error
    if table.n == 0:
        raise data_unusable(f"The {which} data have no examples.")
    return table


def _read(data: Any, which: str) -> Table:
    if isinstance(data, DataLoader):
        return _of_loader(data, which)
    if is_pair(data):
        return _of_pair(data, which)
    if hasattr(data, "column_names") and hasattr(data, "__getitem__"):
        return _of_items(data, _mapped)
    if isinstance(data, Iterator):
        raise data_unusable(
            f"The {which} data are a {named(data)}, which can be gone over once, and may be used "
            "up already.",
            "Give the loader or the list itself.",
        )
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not holds_batches(data):
        return _of_items(data, default_collate)
    if not isinstance(data, Iterable) or isinstance(data, (str, bytes, np.ndarray, Tensor)):
        raise data_unusable(
            f"The {which} data are a {named(data)}.",
            "Give (X, y), a data set, a loader, or batches that can be gone over again.",
        )
    return _of_batches(data, which)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def is_pair(data: Any) -> bool:
    """(X, y): arrays, or X an array and y a plain list; not two batches."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        return False
    X, y = data
    return _is_array(X) and (_is_array(y) or isinstance(y, (list, tuple)))


def _of_pair(data: Sequence[Any], which: str) -> Table:
    X, y = (each if isinstance(each, Tensor) else np.asarray(each) for each in data)
    if not X.shape or not y.shape or len(X) != len(y):
        sizes = " with ".join(str(list(each.shape)) for each in (X, y))
        raise data_unusable(f"X and y of the {which} data have shapes {sizes}.")
    if not len(X):
        raise data_unusable(f"The {which} data have no examples.")
    table = table_of([(X, y)])
    if len(table.columns) < 2:
        raise data_unusable(f"X or y of the {which} data holds no numbers.", "Number the classes.")
    return replace(table, target=1)


def holds_batches(data: Any) -> bool:
    """A list of batches, as opposed to a data set of examples: its inputs have rows of targets."""
    if not isinstance(data, (list, tuple)) or not data:
        return False
    first = data[0]
    parts = list(first.values()) if isinstance(first, dict) else first
    if not isinstance(parts, (list, tuple)):
        return False
    ends = [len(each.shape) > 0 and each.shape[0] for each in parts if _is_array(each)]
    return len(ends) == len(parts) > 1 and len(set(ends)) == 1 and ends[0] is not False


def _of_items(dataset: Any, collate: Callable[[list[Any]], Any]) -> Table:
    def batch(places: range) -> Any:
        return collate([dataset[place] for place in places])

    n = len(dataset)
    if n == 0:
        raise data_unusable("The data set is empty.")
    starts = range(0, n, AT_ONCE)
    table = table_of(batch(range(at, min(at + AT_ONCE, n))) for at in starts)
    few = range(min(n, LOOKED_AT_AGAIN))
    return _seen_twice(table, table_of([batch(few)]))


def _mapped(items: list[Any]) -> Any:
    """Rows of a Hugging Face data set: lists are vectors, images are arrays, texts are left."""
    return {key: _stacked([item[key] for item in items]) for key in items[0]}


def _stacked(values: list[Any]) -> Any:
    if isinstance(values[0], Tensor):
        return torch.stack(values)
    if isinstance(values[0], (str, bytes, dict, type(None))):
        return values
    return np.stack([np.asarray(each) for each in values])


def _of_loader(loader: DataLoader[Any], which: str) -> Table:
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        with generators_kept(loader):
            table = _of_batches(loader, which)
        said = ["drop_last left examples out, which a stream cannot give back."] * loader.drop_last
        return replace(table, batch_size=loader.batch_size, said=table.said + said)
    ordered = in_order(loader)
    table = table_of(ordered.loader)
    again = next(iter(ordered.few(LOOKED_AT_AGAIN)))
    table = _seen_twice(table, table_of([again]))
    return replace(table, batch_size=ordered.batch_size, said=table.said + ordered.said)


def _seen_twice(table: Table, again: Table) -> Table:
    """Says where inputs are drawn anew each time: training's augmentation is still on."""
    same = all(
        torch.equal(each, table.columns[key][: len(each)])
        for key, each in again.columns.items()
        if key in table.columns and each.shape[1:] == table.columns[key].shape[1:]
    )
    if same:
        return table
    said = "Examples differ each time they are asked for (augmentation): one draw of each was taken"
    return replace(table, augmented=True, said=[*table.said, f"{said}; give data without it."])


def _of_batches(batches: Iterable[Any], which: str) -> Table:
    found: list[Any] = list(batches)
    if not found:
        raise data_unusable(
            f"The {which} data gave no batch: are they used up?",
            "Give something that can be gone over again.",
        )
    return replace(table_of(found), batch_size=table_of(found[:1]).n)
