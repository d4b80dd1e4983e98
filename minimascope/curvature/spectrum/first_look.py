"""tr H and λ₁ from nested random samples that double, each with an interval of 95%: first answers.

Of S, m of the n examples, and T, others of them, with (λ, v) the leading pair of H_S:

    λ₁ ≥ vᵀHv, whose mean over T is an estimate that has not seen v;
    λ₁ = v₁ᵀHv₁, which over S is at most λ, up to the chance of drawing S.

So the interval goes from the lower end of vᵀHv to λ and the error of a mean over S, and closes as
the samples grow. tr H is the mean of zᵀH_g z over groups g of examples, each with a pair of random
signs z of its own: pairs tell what is chance of signs, which stays once all examples are in. Means
are taken with as many degrees of freedom as their squared deviations have (Satterthwaite): of
fitted networks a few examples have most of the curvature.

Products are in float32, whose rounding is far below these errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.layout import Source, source
from minimascope.curvature.products.precision import in_float32
from minimascope.curvature.spectrum.intervals import Interval, half_width, parts_of_variance
from minimascope.curvature.spectrum.warm_pairs import Pairs, top_pairs

ROUNDING = 1e-4  # of float32's products, relative to λ₁
FIRST, GROUPS = 64, 16  # examples of the first sample at most, groups of it at least
MOST_TOGETHER = 8  # examples of a group
WORK = 20  # products an example of a round: those of Lanczos, of probes and of vᵀHv
BLOCKS = 6  # of a Lanczos run at most, two vectors each; later ones start from the first's result
SLOW = 0.5  # seconds of a product of one example; of such a network the first sample is
FEWEST, FEWEST_BLOCKS, FEW = 2, 2, 8  # tiny; below a few examples the Krylov space is so, too
GROWTH, LEAST_GROWTH = 2, 1.3
SPREAD = 1.2  # of what a round takes, over what the last one lets expect
TOGETHER_UNTIL = 5e-3  # seconds of a product of one example
OPERATION_SECONDS = 0.2  # of a product with the graph of a chunk


@dataclass(frozen=True)
class Look:
    """What is known so far.

    examples: whose Hessian λ₁ is of; seen: with those beside, of `total`. top: None before there
    was a Lanczos run. seconds_each: of a product of one of these examples within it.
    """

    trace: Interval
    top: Interval | None
    examples: int
    seen: int
    total: int
    seconds_each: float


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
        yield found.look(size, most)
        fits = room() / (SPREAD * (time.perf_counter() - began))
        following = _following(size, largest, most, fits)
        if following is None:
            return
        size = following


def _following(size: int, largest: int, most: int, fits: float) -> int | None:
    """The next sample's size, where one `fits` times as large is to be had; None for no other."""
    wanted = largest if GROWTH * size > most // 2 else GROWTH * size
    if wanted <= size:
        return None
    if fits * size >= wanted:
        return wanted
    unseen = most - GROWTH * size
    return int(size * min(fits, GROWTH)) if fits >= LEAST_GROWTH and unseen > 0 else None


class _Looking:
    def __init__(self, minimum: Minimum, total: int, seed: int) -> None:
        self._minimum, self.total, self._seed = minimum, total, seed
        self._generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(minimum.n, generator=self._generator)
        self._order = order.to(minimum.inputs.device)
        self._forms_of_signs = list[tuple[float, float]]()  # zᵀH_g z of both rows of signs
        self._sizes = list[int]()  # of these groups
        self._pairs: Pairs | None = None
        self._together, self._blocks, self._each = 1, BLOCKS, 0.0

    def first(self, seconds: float) -> int:
        """Examples of the first sample, by what a product of few takes: a third of `seconds`."""
        one = self._timed(1)
        few = one if one > SLOW else self._timed(min(4, self._minimum.n))
        self._each = one if one > SLOW else max((few - one) / 3, few / 40, 1e-7)
        overhead = max(0.0, one - self._each)
        groups = self._minimum.n // GROUPS
        self._together = max(1, min(round(overhead / self._each), MOST_TOGETHER, groups))
        most = max(FIRST, GROUPS * self._together)
        fits = int(seconds / 3 / (WORK * self._each))
        self._blocks = BLOCKS if fits >= FEW else FEWEST_BLOCKS
        return min(self._minimum.n, max(FEWEST, min(most, fits)))

    def trace_of(self, size: int) -> Look:
        """The trace alone, from the first sample."""
        self._probed(size)
        return Look(self._trace(), None, size, size, self.total, self._each)

    def look(self, size: int, most: int) -> Look:
        """Of `size` examples and as many others."""
        sample = self._minimum.subset(self._order[:size])
        before = None if self._pairs is None else self._pairs.vectors
        operator = hessian(sample, chunk=self._chunk())
        told = {"count": 1, "seed": self._seed + size, "blocks": self._blocks}
        began = time.perf_counter()
        self._pairs = top_pairs(operator, before, **told)
        product = (time.perf_counter() - began) / max(1, self._pairs.products) / size
        held = min(size, most - size)
        if size > sum(self._sizes):
            self._probed(size)
        quotients, sizes = torch.empty(0), torch.empty(0)
        if held:
            quotients, sizes = self._probed(size + held, self._pairs.vectors)
        return Look(
            self._trace(),
            self._top(size, quotients, sizes),
            size,
            size + held,
            self.total,
            product,
        )

    def _chunk(self) -> int | None:
        """Examples of a graph, of slow networks so few that the end can come between two."""
        few = int(OPERATION_SECONDS / self._each)
        return max(1, few) if few < FIRST else None

    def _timed(self, size: int) -> float:
        """Seconds of a product of so many examples, graph included."""
        part = self._minimum.subset(self._order[:size])
        row = torch.ones(1, part.dim, dtype=part.theta.dtype, device=part.inputs.device)

        def once() -> float:
            began = time.perf_counter()
            float(source(part, "hessian").build(slice(0, size)).hessian_rows(row).sum())
            return time.perf_counter() - began

        once()  # kernels are loaded, memory is touched
        first = once()
        return first if first > SLOW else min(first, once())

    def _probed(self, stop: int, v: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Signs for the groups from the last that has some on; of these groups vᵀH_g v (c,) and
        their sizes (c,)."""
        start = sum(self._sizes)
        part = self._minimum.subset(self._order[start:stop])
        made_by, quotients, sizes = source(part, "hessian"), list[float](), list[int]()
        for at in range(0, part.n, self._together):
            rows = slice(at, min(at + self._together, part.n))
            one, other, *own = self._forms(made_by, rows, part, v)
            self._forms_of_signs.append((one, other))
            quotients += own
            sizes.append(rows.stop - rows.start)
        self._sizes += sizes
        return torch.tensor(quotients).double(), torch.tensor(sizes).double()

    def _forms(self, made_by: Source, rows: slice, part: Minimum, v: Tensor | None) -> list[float]:
        """zᵀH_g z of two rows of signs, then of v."""
        signs = 2 * torch.randint(0, 2, (2, part.dim), generator=self._generator) - 1
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
        pairs = torch.tensor(self._forms_of_signs, dtype=torch.float64)
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        weights = sizes / sizes.sum()
        means, halves = pairs.mean(dim=1), (pairs[:, 0] - pairs[:, 1]) / 2
        value = float(weights @ means)
        whole = parts_of_variance(weights, means - value)
        signs = (weights * halves).square()
        left = 1 - float(sizes.sum()) / self.total
        drawn = max(0.0, float(whole.sum() - signs.sum())) * left
        half = half_width(float(signs.sum()) + drawn, whole)
        if left <= 0:
            half = half_width(float(signs.sum()), signs, skewed=False)
        return Interval(value, value - half, value + half)

    def _top(self, size: int, quotients: Tensor, sizes: Tensor) -> Interval:
        assert self._pairs is not None
        own = float(self._pairs.values[0])
        doubt = ROUNDING * abs(own) + self._doubt()
        share = size / self.total
        if share == 1:
            return Interval(own, own - doubt, own + doubt)
        weights = sizes / sizes.sum()
        mean = float(weights @ quotients)
        squares = parts_of_variance(weights, quotients - mean)
        count = float(sizes.sum())
        beyond = max(0.0, 1 - count / (self.total - size))
        error = half_width(float(squares.sum()), squares)
        low = share * own + (1 - share) * (mean - beyond**0.5 * error) - doubt
        high = own + doubt + error * (count / size * (1 - share)) ** 0.5
        value = (size * own + count * mean) / (size + count)
        return Interval(min(max(value, low), high), low, high)

    def _doubt(self) -> float:
        """How far λ may be from the Ritz value: its residual, or the square over λ where small."""
        assert self._pairs is not None
        residual = float(self._pairs.residuals[0])
        return abs(float(self._pairs.values[0])) * residual
