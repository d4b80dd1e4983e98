"""The order of layers where a file does not keep it: safetensors sorts tensors by name.

Numbers in names tell the order among names that differ in their numbers alone ("fc1", "fc2"); the
rest is told by shapes, or by nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from itertools import islice

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.groups import Group, groups, natural
from minimascope.intake.values.checkpoint import Checkpoint

STEPS = 20_000  # of the search; chains that take more leave everything open anyway
Fits = Callable[[list[Group], Group], bool]


def orders(checkpoint: Checkpoint, fits: Fits) -> list[list[Group]]:
    """Every order in which each group fits after those before it, two at the most.

    Tied groups are one: which of them comes first makes no difference.
    """
    tied = checkpoint.tied
    search = _Search(fits, lambda g: tuple(tied.get(g.key(x), g.key(x)) for x in g.tensors))
    found = sorted(groups(checkpoint), key=lambda group: natural(group.name))
    return list(islice(search.after([], found), 2))


def _family(group: Group) -> str:
    return re.sub(r"\d+", "#", group.name)


class _Search:
    """Goes through the orders, one group after another, for so many steps."""

    def __init__(self, fits: Fits, identity: Callable[[Group], Hashable]) -> None:
        self.fits, self.identity = fits, identity
        self.steps = iter(range(STEPS))

    def after(self, chain: list[Group], rest: list[Group]) -> Iterator[list[Group]]:
        """Every order that begins with `chain`."""
        if next(self.steps, None) is None:
            return
        if not rest:
            yield chain
            return
        families, tried = set[str](), set[Hashable]()
        for place, group in enumerate(rest):
            family, same = _family(group), self.identity(group)
            # A later number of the same name waits for the earlier one.
            if family not in families and same not in tried and self.fits(chain, group):
                tried.add(same)
                yield from self.after([*chain, group], [*rest[:place], *rest[place + 1 :]])
            families.add(family)


def open_order(first: list[Group], second: list[Group]) -> ProblemError:
    """Two orders fit: nothing in the file tells which is right."""
    one, other = next((a, b) for a, b in zip(first, second, strict=True) if a.name != b.name)
    return ProblemError(
        "order_open",
        f"Several orders of the layers fit: {one.name[:60]!r} or {other.name[:60]!r} may come "
        f"after {len(_common(first, second))} others. A safetensors file does not keep the order.",
        "Save it with torch.save(model.state_dict(), path), which keeps the order, or export the "
        "network with minimascope.export.",
    )


def _common(first: list[Group], second: list[Group]) -> list[Group]:
    """What both orders begin with."""
    same = [a.name == b.name for a, b in zip(first, second, strict=True)]
    return first[: same.index(False)]
