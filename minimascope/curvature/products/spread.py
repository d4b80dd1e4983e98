"""Sums over examples that several processes share: each has its part, rank 0 the sum.

Whoever multiplies writes the sum over a `Part` as a class with methods, and asks `summed` for it.
Where this process leads others (`leading`), every call of a method is made at all ranks, on the
examples of each. Its tensors go from rank 0 to the others, what it returns is added up at rank 0.
What the others do is in `following`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.ranks import Ranks


@dataclass(frozen=True)
class Part:
    """Examples `first`, … of `total`, one after another; `minimum` holds these alone."""

    minimum: Minimum
    first: int
    total: int

    @property
    def share(self) -> float:
        """Of the examples."""
        return self.minimum.n / self.total


class Summed(Protocol):
    """The sum over all examples; `own` is the object that sums over this process's."""

    own: Any

    def sum(self, method: str, *args: Any) -> list[Tensor]:
        """What the method returns, summed over ranks; args are tensors, ranges, or None."""


class Alone:
    """All examples are this process's."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def sum(self, method: str, *args: Any) -> list[Tensor]:
        return list(getattr(self.own, method)(*args))


class Spread:
    """Every rank has examples."""

    def __init__(self, own: Any, identifier: int, ranks: Ranks) -> None:
        self.own, self._id, self._ranks = own, identifier, ranks

    def sum(self, method: str, *args: Any) -> list[Tensor]:
        said = [_described(each) for each in args]
        self._ranks.say({"do": "sum", "id": self._id, "method": method, "args": said})
        for each in args:
            if isinstance(each, Tensor):
                self._ranks.broadcast(each)
        return self._ranks.together(lambda: getattr(self.own, method)(*args))


class Leader:
    """Rank 0, which has others to share with. `root` is the minimum that all ranks opened."""

    def __init__(self, ranks: Ranks, root: Minimum) -> None:
        self.ranks, self._root = ranks, root
        self._numbers, self._forgotten = count(), list[int]()

    def shares(self, minimum: Minimum) -> bool:
        """Whether the others can make it of their root, other weights and the data they are given.

        A few examples are not worth the telling.
        """
        root, known = self._root, minimum.objective.loss
        if minimum.n < self.ranks.count or minimum.inputs.device != root.inputs.device:
            return False
        same_loss = repr(root.objective.of_data(minimum.targets).loss) == repr(known)
        return same_loss and _same_but_trained(minimum, root)

    def spread(self, make: Callable[..., Any], minimum: Minimum, **options: Any) -> Spread:
        """The sum made at every rank, each with its part of the examples."""
        number, own = next(self._numbers), self.ranks.share_of(minimum.n)
        gone = self._forgotten[:]
        del self._forgotten[: len(gone)]
        self._tell(make.__name__, minimum, number=number, gone=gone, options=options)
        held: list[Any] = []

        def build() -> list[Tensor]:
            part = replace(
                minimum, inputs=minimum.inputs[own], targets=minimum.targets[own], groups=None
            )
            held.append(make(Part(part, own.start, minimum.n), **options))
            return []

        try:
            self.ranks.together(build)
        except Exception:
            self._forgotten.append(number)
            raise
        found = Spread(held[0], number, self.ranks)
        # Told with the next thing said: an object may end in the middle of an exchange.
        weakref.finalize(found, self._forgotten.append, number)
        return found

    def _tell(
        self, name: str, minimum: Minimum, *, number: int, gone: list[int], options: Any
    ) -> None:
        # Nothing is computed between what is said: a deadline would end it there.
        theta, sent = minimum.theta, not self._has_data_of_root(minimum)
        others = range(1, self.ranks.count)
        shares = [minimum.inputs[self.ranks.share_of(minimum.n, rank)] for rank in others]
        words = {"do": "build", "id": number, "kind": name, "gone": gone, "options": options}
        words |= {"theta": _described(theta), "sent": sent}
        if sent:
            words |= {"inputs": _described(minimum.inputs), "targets": _described(minimum.targets)}
        self.ranks.say(words)
        self.ranks.broadcast(theta)
        if sent:
            self.ranks.broadcast(minimum.targets)
            for rank, share in zip(others, shares, strict=True):
                self.ranks.give(share, rank)

    def _has_data_of_root(self, minimum: Minimum) -> bool:
        pairs = (
            (minimum.inputs, self._root.inputs),
            (minimum.targets, self._root.targets),
        )
        return all(_same_numbers(one, other) for one, other in pairs)


_LEADER: ContextVar[Leader | None] = ContextVar("who leads the ranks", default=None)


@contextmanager
def leading(leader: Leader) -> Iterator[None]:
    """Sums within are shared where they can be."""
    token = _LEADER.set(leader)
    try:
        yield
    finally:
        _LEADER.reset(token)


def summed(make: Callable[..., Any], minimum: Minimum, **options: Any) -> Summed:
    """The sum over all examples of a minimum that `make(part, **options)` makes of a part."""
    leader = _LEADER.get()
    if leader is None or not leader.shares(minimum):
        return Alone(make(Part(minimum, 0, minimum.n), **options))
    return leader.spread(make, minimum, **options)


def _described(value: Any) -> Any:
    """What JSON can say of an argument: of a tensor what it takes to make room for it."""
    if isinstance(value, Tensor):
        return {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
    return {"range": [value.start, value.stop]} if isinstance(value, range) else {"value": value}


def _same_numbers(one: Tensor, other: Tensor) -> bool:
    """In the precision of the first."""
    return one is other or (one.shape == other.shape and torch.equal(one, other.to(one.dtype)))


def _same_but_trained(minimum: Minimum, root: Minimum) -> bool:
    """Whether both are one network with other numbers in its trained parameters."""
    if minimum.network is root.network:
        return True
    places = [{k: place.shape for k, place in each.places.items()} for each in (minimum, root)]
    if places[0] != places[1] or str(minimum.network) != str(root.network):
        return False
    fixed = [list(constants(each)) for each in (minimum, root)]
    return len(fixed[0]) == len(fixed[1]) and all(map(_same_numbers, *fixed))


def constants(minimum: Minimum) -> Iterator[Tensor]:
    """Buffers and parameters that are not trained."""
    yield from minimum.network.buffers()
    yield from (q for q in minimum.network.parameters() if not q.requires_grad)
