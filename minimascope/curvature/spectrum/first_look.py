"""tr H and λ₁ from nested random samples that grow, each with an interval of 95%: first answers.

Of S, m of the n examples, and T, others of them, with (λ, v) the leading pair of H_S:

    λ₁ ≥ vᵀHv, whose mean over T is an estimate that has not seen v;
    λ₁ = v₁ᵀHv₁, which over S is at most λ, up to the chance of drawing S.

So the interval goes from the lower end of vᵀHv to λ and the error of a mean over S, and closes as
the samples grow. tr H is the mean of zᵀH_g z over groups g of examples, each with random signs z
of its own (`first_intervals`).

Products are in float32, whose rounding is far below these errors. Where they are dear, v starts
from the sample's gradient, has no second vector beside it and is less accurate, and a group has one
row of signs: three to four times as many examples for the same seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.layout import Retain, Source, source
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import in_float32
from minimascope.curvature.spectrum.first_intervals import (
    examples_needed,
    top_interval,
    trace_interval,
)
from minimascope.curvature.spectrum.intervals import Interval
from minimascope.curvature.spectrum.warm_pairs import Pairs, top_pair, top_pairs

ROUNDING = 1e-4  # of float32's products, relative to λ₁
FIRST, GROUPS = 64, 16  # examples of the first sample at most, groups of it at least
MOST_TOGETHER = 8  # examples of a group
WORK = 20  # products an example of a round: those of Lanczos, of probes and of vᵀHv
BLOCKS = 6  # of a Lanczos run at most, two vectors each; later ones start from the first's result
DEAR = 0.02  # seconds of a product of one example, its graph included
DEAR_WORK, DEAR_PRODUCTS, DEAR_ACCURACY = 10, 4, 0.05  # of such a network
TOUCHED = 3.0  # seconds of a product, beside which what only the first one does is nothing
DEAR_GROUPS = 24  # of those a round probes
SLOW = 0.5  # seconds from which the first sample is
FEWEST, FEW = 2, 4  # tiny; others have FEW
GROWTH, MOST_GROWTH, LEAST_GROWTH, LAST = 2, 8, 1.3, 4
SPREAD = 1.2  # of what a round takes, over what the last one lets expect
TOGETHER_UNTIL = 5e-3  # seconds of a product of one example
OPERATION_SECONDS = 0.2  # of a product with the graph of a chunk, or
OPERATION_SHARE = 0.01  # of the time there is


@dataclass(frozen=True)
class Look:
    """What is known so far.

    examples: whose Hessian λ₁ is of; seen: with those beside, of `total`. top: None before there
    was a Lanczos run. seconds_each: of a product of one of these examples within it. needed:
    examples from which λ₁ of a sample is worth a number, where these are fewer.
    """

    trace: Interval
    top: Interval | None
    examples: int
    seen: int
    total: int
    seconds_each: float
    needed: int | None = None


def first_looks(
    minimum: Minimum,
    *,
    room: Callable[[], float],
    total: int | None = None,
    seed: int = 0,
    most: int | None = None,
) -> Iterator[Look]:
    """A look a round, the first whatever it takes, and the trace before it.

    Ends where the next would need more than `room` seconds, or all `minimum.n` examples, `most` of
    them, are in.

    total: of the examples that these are drawn from. Raises OutOfTimeError past an analysis' end,
    ValueError where a product is not finite.
    """
    found = _Looking(in_float32(minimum), total or minimum.n, seed)
    most = min(most or minimum.n, minimum.n)
    # Where others are never seen, half of these are held out to the end.
    largest = most if most == found.total else max(1, most // 2)
    size = min(found.first(room()), largest)
    yield found.trace_of(size)
    while True:
        began = time.perf_counter()
        yield found.look(size, most, room())
        fits = room() / (SPREAD * (time.perf_counter() - began))
        following = _following(size, largest, most, fits)
        if following is None:
            return
        size = following


def _following(size: int, largest: int, most: int, fits: float) -> int | None:
    """The next sample's size, where one `fits` times as large is to be had; None for no other."""
    if largest <= size:
        return None
    # Half of the time there is, as long as there is some for another round then.
    factor = min(max(GROWTH, fits / 2), MOST_GROWTH) if fits >= LAST else fits
    grown = int(size * factor)
    if grown <= most // 2:
        return grown if factor >= LEAST_GROWTH else None
    if fits * size >= largest:
        return largest
    return grown if factor >= LEAST_GROWTH and most > 2 * size else None


class _Looking:
    def __init__(self, minimum: Minimum, total: int, seed: int) -> None:
        self._minimum, self.total, self._seed = minimum, total, seed
        self._generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(minimum.n, generator=self._generator)
        self._order = order.to(minimum.inputs.device)
        self._forms_of_signs = list[list[float]]()  # zᵀH_g z of every row of signs
        self._sizes = list[int]()  # of these groups
        self._pairs: Pairs | None = None
        self._together, self._each, self._dear = 1, 0.0, False

    def first(self, seconds: float) -> int:
        """Examples of the first sample, by what a product of few takes: a third of `seconds`."""
        one = self._timed(1)
        self._dear = one > DEAR
        few = one if one > SLOW else self._timed(min(4, self._minimum.n))
        self._each = one if one > SLOW else max((few - one) / 3, few / 40, 1e-7)
        overhead = max(0.0, one - self._each)
        groups = self._minimum.n // GROUPS
        self._together = max(1, min(round(overhead / self._each), MOST_TOGETHER, groups))
        most = max(FIRST, GROUPS * self._together)
        fits = int(seconds / 3 / ((DEAR_WORK if self._dear else WORK) * self._each))
        least = FEWEST if one > SLOW else FEW
        size = min(self._minimum.n, max(least, min(most, fits)))
        self._together = max(1, min(self._together, size // FEW))
        return size

    def trace_of(self, size: int) -> Look:
        """The trace alone, from the first sample."""
        self._probed(size)
        return Look(self._trace(), None, size, size, self.total, self._each)

    def look(self, size: int, most: int, room: float) -> Look:
        """Of `size` examples and as many others, with so many seconds at hand."""
        sample = self._minimum.subset(self._order[:size])
        # Of a network so slow a graph is gigabytes, and has few products to serve.
        retain: Retain = "never" if self._each > SLOW else "auto"
        operator = hessian(sample, chunk=self._chunk(room), retain=retain)
        began = time.perf_counter()
        self._pairs = self._found(operator, sample)
        product = (time.perf_counter() - began) / max(1, self._pairs.products) / size
        held = min(size, most - size)
        if size > sum(self._sizes):
            self._probed(size)
        quotients, sizes = torch.empty(0), torch.empty(0)
        if held:
            quotients, sizes = self._probed(size + held, self._pairs.vectors)
        own, trace = float(self._pairs.values[0]), self._trace()
        known = {"size": size, "total": self.total}
        top = top_interval(own, self._doubt(), quotients, sizes, **known)
        needed = examples_needed(trace.high, own, size, self.total)
        return Look(trace, top, size, size + held, self.total, product, needed)

    def _found(self, operator: Operator, sample: Minimum) -> Pairs:
        seed = self._seed + len(sample.inputs)
        before = None if self._pairs is None else self._pairs.vectors
        if not self._dear:
            return top_pairs(operator, before, count=1, seed=seed, blocks=BLOCKS)
        near = mean_gradient(sample) if before is None else before[0]
        told = {"products": DEAR_PRODUCTS, "accuracy": DEAR_ACCURACY}
        return top_pair(operator, near, seed=seed, **told)

    def _chunk(self, room: float) -> int | None:
        """Examples of a graph, of slow networks so few that the end can come between two."""
        seconds = OPERATION_SECONDS
        if math.isfinite(room):
            seconds = max(seconds, OPERATION_SHARE * room)
        few = int(seconds / self._each)
        return max(1, few) if few < FIRST else None

    def _timed(self, size: int) -> float:
        """Seconds of a product of so many examples, graph included."""
        part = self._minimum.subset(self._order[:size])
        row = torch.ones(1, part.dim, dtype=part.theta.dtype, device=part.inputs.device)

        def once() -> float:
            began = time.perf_counter()
            float(source(part, "hessian").build(slice(0, size)).hessian_rows(row).sum())
            return time.perf_counter() - began

        if (touched := once()) > TOUCHED:  # kernels are loaded, memory is touched
            return touched
        first = once()
        return first if first > SLOW else min(first, once())

    def _probed(self, stop: int, v: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Signs for the groups from the last that has some on; of these groups vᵀH_g v (c,) and
        their sizes (c,)."""
        start = sum(self._sizes)
        part = self._minimum.subset(self._order[start:stop])
        made_by, quotients, sizes = source(part, "hessian"), list[float](), list[int]()
        together = self._together
        if self._dear:
            together = max(together, math.ceil(part.n / DEAR_GROUPS))
        for at in range(0, part.n, together):
            rows = slice(at, min(at + together, part.n))
            count = 1 if self._dear else 2
            forms = self._forms(made_by, rows, part, v, count=count)
            self._forms_of_signs.append(forms[:count])
            quotients += forms[count:]
            sizes.append(rows.stop - rows.start)
        self._sizes += sizes
        return torch.tensor(quotients).double(), torch.tensor(sizes).double()

    def _forms(
        self, made_by: Source, rows: slice, part: Minimum, v: Tensor | None, *, count: int
    ) -> list[float]:
        """zᵀH_g z of `count` rows of signs, then of v."""
        signs = 2 * torch.randint(0, 2, (count, part.dim), generator=self._generator) - 1
        z = signs.to(part.theta)
        z = z if v is None else torch.cat([z, v.to(z)])
        graph = made_by.build(rows)
        # Rows together save calls, which are nothing beside a slow network's work.
        together = 1 if self._each > TOGETHER_UNTIL else len(z)
        images = torch.cat([graph.hessian_rows(some) for some in z.split(together)])
        forms = (images * z).sum(dim=1, dtype=torch.float64)
        if not bool(forms.isfinite().all()):
            raise ValueError("A product with the Hessian is not finite: the network overflows.")
        return (forms * part.n / (rows.stop - rows.start)).tolist()

    def _trace(self) -> Interval:
        forms = torch.tensor(self._forms_of_signs, dtype=torch.float64)
        return trace_interval(forms, torch.tensor(self._sizes, dtype=torch.float64), self.total)

    def _doubt(self) -> float:
        """How far λ may be from the Ritz value: its residual, or the square over λ where small."""
        assert self._pairs is not None
        residual = float(self._pairs.residuals[0])
        return abs(float(self._pairs.values[0])) * (residual + ROUNDING)
