"""Which parameter each number of an optimiser is: by name, else by the order and shapes there are.

torch numbers parameters group by group, in the order in which they were given. One group is the
network in its own order; several are matrices and the rest, or blocks of layers, or whatever split
the shapes allow in one way alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from minimascope.intake.values.training_facts import OptimizerFacts

Shapes = Mapping[str, Sequence[int]]
WRAPPERS = ("module.", "_orig_mod.", "model.")
SEARCHED = 4  # groups up to which every split is tried
LOOKED = 100_000
TENSORS = 300  # of a search as deep


@dataclass(frozen=True)
class Network:
    """All parameters by shape in their order, and the names of those that are trained."""

    shapes: Shapes
    trained: list[str]

    def names(self, optimizer: OptimizerFacts) -> dict[int, str] | None:
        """Name by number: an optimiser has the trained parameters, or all."""
        own = {name: self.shapes[name] for name in self.trained}
        return names_of(optimizer, own) or names_of(optimizer, self.shapes)


def names_of(optimizer: OptimizerFacts, shapes: Shapes) -> dict[int, str] | None:
    """Name by number; None where the network's shapes allow no assignment, or more than one."""
    named = _by_name(optimizer, shapes)
    if named is not None:
        return named
    if len(set(optimizer.ids)) < len(optimizer.ids):
        return None
    known = {row.id: tuple(row.shape) for row in optimizer.state}
    sizes = {name: tuple(shape) for name, shape in shapes.items()}
    found: list[list[list[str]]] = []
    for split in _usual(optimizer, sizes):
        if split not in found and _fits(optimizer, split, known, sizes):
            found.append(split)
    if not found:
        found = _only_way(optimizer, known, sizes)
    if len(found) != 1:
        return None
    ids = [group.ids for group in optimizer.groups]
    dealt = [zip(own, names, strict=True) for own, names in zip(ids, found[0], strict=True)]
    return {key: name for pairs in dealt for key, name in pairs}


def _by_name(optimizer: OptimizerFacts, shapes: Shapes) -> dict[int, str] | None:
    pairs: dict[int, str] = {}
    for group in optimizer.groups:
        if group.names is None:
            return None
        pairs.update(zip(group.ids, group.names, strict=True))
    for prefix in ("", *WRAPPERS):
        own = {key: name.removeprefix(prefix) for key, name in pairs.items()}
        if set(own.values()) <= set(shapes) and len(set(own.values())) == len(own):
            sizes = {row.id: list(row.shape) for row in optimizer.state}
            agree = all(list(shapes[own[key]]) == size for key, size in sizes.items() if key in own)
            return own if agree else None
    return None


def _usual(optimizer: OptimizerFacts, sizes: Shapes) -> Iterator[list[list[str]]]:
    """How people split parameters: not at all, matrices apart, or blocks in either order."""
    names = list(sizes)
    counts = [len(group.ids) for group in optimizer.groups]
    if sum(counts) != len(names):
        return
    if len(counts) == 2:
        matrices = [name for name in names if len(sizes[name]) > 1]
        rest = [name for name in names if len(sizes[name]) <= 1]
        yield [matrices, rest]
        yield [rest, matrices]
    yield _blocks(names, counts)
    yield _blocks(names, counts[::-1])[::-1]


def _blocks(names: list[str], counts: list[int]) -> list[list[str]]:
    starts = [sum(counts[:place]) for place in range(len(counts) + 1)]
    return [names[a:b] for a, b in pairwise(starts)]


def _fits(
    optimizer: OptimizerFacts,
    split: list[list[str]],
    known: Mapping[int, tuple[int, ...]],
    sizes: Shapes,
) -> bool:
    for group, names in zip(optimizer.groups, split, strict=True):
        if len(group.ids) != len(names):
            return False
        for key, name in zip(group.ids, names, strict=True):
            if known.get(key, tuple(sizes[name])) != tuple(sizes[name]):
                return False
    return True


def _only_way(
    optimizer: OptimizerFacts, known: Mapping[int, tuple[int, ...]], sizes: Shapes
) -> list[list[list[str]]]:
    """The one way to deal parameters to groups in order, some of them to none; empty if not one."""
    groups: list[list[tuple[int, ...]]] = []
    for group in optimizer.groups:
        groups.append([known[key] for key in group.ids if key in known])
        if len(groups[-1]) < len(group.ids):
            return []
    if len(groups) > SEARCHED or len(sizes) > TENSORS:
        return []
    return _Deals(groups, [(name, tuple(shape)) for name, shape in sizes.items()]).only()


class _Deals:
    """Ways to give parameters in their order to groups, each in its own order, or to none."""

    def __init__(
        self, groups: list[list[tuple[int, ...]]], named: list[tuple[str, tuple[int, ...]]]
    ) -> None:
        self.groups, self.named = groups, named
        self.spare = len(named) - sum(map(len, groups))
        self.ways = cache(self._ways)
        self.looked = 0

    def only(self) -> list[list[list[str]]]:
        taken = (0,) * len(self.groups)
        if self.spare < 0 or self.ways(0, taken) != 1:
            return []
        split: list[list[str]] = [[] for _ in self.groups]
        for place, (name, _) in enumerate(self.named):
            after = next(each for each in self.moves(place, taken) if self.ways(place + 1, each))
            for which, (a, b) in enumerate(zip(taken, after, strict=True)):
                split[which] += [name] * (b - a)
            taken = after
        return [split]

    def _ways(self, place: int, taken: tuple[int, ...]) -> int:
        """How many from here on, counted to 2."""
        if place == len(self.named):
            return int(all(a == len(own) for a, own in zip(taken, self.groups, strict=True)))
        self.looked += 1
        if self.looked > LOOKED:
            return 2
        return min(sum(self.ways(place + 1, after) for after in self.moves(place, taken)), 2)

    def moves(self, place: int, taken: tuple[int, ...]) -> list[tuple[int, ...]]:
        shape = self.named[place][1]
        found = [
            (*taken[:which], at + 1, *taken[which + 1 :])
            for which, (at, own) in enumerate(zip(taken, self.groups, strict=True))
            if at < len(own) and own[at] == shape
        ]
        return [*found, taken] if place - sum(taken) < self.spare else found
