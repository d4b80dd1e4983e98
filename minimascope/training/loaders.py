"""A DataLoader's examples once each and in order: samplers, shuffling and drop_last undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


@dataclass(frozen=True)
class Ordered:
    """The same data set and collation, without what the loader drew at random."""

    loader: DataLoader[Any]
    batch_size: int | None
    said: list[str] = field(default_factory=list)

    def few(self, count: int) -> Iterable[Any]:
        """The first examples as one batch, asked for again."""
        dataset: Any = self.loader.dataset
        first = Subset(dataset, range(min(count, len(dataset))))
        return DataLoader(
            first, batch_size=count, collate_fn=self.loader.collate_fn, generator=_own_generator()
        )


def in_order(loader: DataLoader[Any]) -> Ordered:
    """What the loader would go over in an epoch, every example once."""
    sampler, size = _sampler(loader)
    with generators_kept(loader):
        dataset, said = _wanted(loader.dataset, sampler)
    count = len(dataset)
    if loader.drop_last and size and count % size:
        said.append(
            f"drop_last left {count % size} of {count:,} examples out of each epoch; here all count"
        )
        said[-1] += ", as shuffling gives each its turn."
    fresh = DataLoader(
        dataset,
        batch_size=size or 1,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        multiprocessing_context=loader.multiprocessing_context,
        worker_init_fn=loader.worker_init_fn,
        generator=_own_generator(),
    )
    return Ordered(fresh, size, said)


def _sampler(loader: DataLoader[Any]) -> tuple[Any, int | None]:
    """What chooses examples, and how many a batch."""
    batches: Any = loader.batch_sampler
    if isinstance(batches, BatchSampler):
        return batches.sampler, batches.batch_size
    return batches, getattr(batches, "batch_size", None)


def _wanted(dataset: Any, sampler: Any) -> tuple[Any, list[str]]:
    """The data set, or the part of it that the sampler ever gives."""
    if isinstance(sampler, SubsetRandomSampler):
        return Subset(dataset, sorted(sampler.indices)), []
    whole = (SequentialSampler, RandomSampler, WeightedRandomSampler)
    name = type(sampler).__name__
    if isinstance(sampler, whole) or name == "DistributedSampler":
        drawn = isinstance(sampler, WeightedRandomSampler) or getattr(sampler, "replacement", False)
        said = [f"{name} draws some examples more often; here each counts once."] * drawn
        return dataset, said
    given = sampler.__iter__()
    indices: set[int] = set()
    for each in given:
        indices |= set(each) if isinstance(each, (list, tuple)) else {int(each)}
    missing = len(dataset) - len(indices)
    said = [f"{name} gives {len(indices):,} examples; the {missing:,} others were left out."]
    return Subset(dataset, sorted(indices)), said * (missing > 0)


@contextmanager
def generators_kept(loader: DataLoader[Any]) -> Iterator[None]:
    """What is drawn from the loader's own generators within is not drawn from them."""
    holders = (loader, loader.sampler, loader.batch_sampler)
    found = [getattr(each, "generator", None) for each in holders]
    states = [(each, each.get_state()) for each in found if isinstance(each, torch.Generator)]
    try:
        yield
    finally:
        for each, state in states:
            each.set_state(state)


def _own_generator() -> torch.Generator:
    """So that nothing is drawn from the script's."""
    return torch.Generator().manual_seed(0)
