"""Complexity of the decision boundary from the alignments of training points with eigenvectors.

G(ε) = #{k : max_i |A_k(x_i)| ≥ ε}/p over all eigenvectors (arXiv 2306.07104): lower is simpler.
n90 = the smallest number of eigenvectors that hold 90% of the overlap energy Σ_k Σ_i A_k(x_i)²,
which is n over a complete set; it needs no ε.

Eigenvectors outside the known ones (of a degenerate null space, or never computed) are fixed only
as a space: how many of them reach ε depends on the basis chosen there. What every orthonormal
basis obeys is Bessel's inequality, so at most Σ_i ⌊‖u_i^⊥‖²/ε²⌋ of them do, u_i^⊥ being the part of
the unit gradient of x_i outside the known vectors. G is therefore an interval
[count, count + count_outside]/p (docs/mathematics.md, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.alignment import align
from minimascope.boundary.classification import parameter_vectors, require_classification
from minimascope.boundary.gradients import reinforcing_gradients, rows_at_once
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.long_sums import inner, norms

# Below this, max |A| over float32 gradients is rounding noise: G(1e-6) of one reference network
# is 0.774 in float32 and 0.115 in float64.
SMALLEST_FLOAT32_EPSILON = 1e-5
DRAWN = 10  # random vectors drawn at a time
RANDOM_NUMBERS = 2**25  # of random vectors held at once: 256 MB in float64


@dataclass(frozen=True)
class Threshold:
    """ε for |A|: `spread` is the standard deviation over random vectors, None where given."""

    value: float
    spread: float | None
    source: str


@dataclass(frozen=True)
class ComplexityCurve:
    """count[j] = #{known k : max_i |A_k(x_i)| ≥ epsilon[j]} and g[j] = count[j]/p.

    count_outside[j]: at most so many eigenvectors more, outside the known ones.
    """

    epsilon: list[float]
    count: list[int]
    g: list[float]
    count_outside: list[int]


@dataclass(frozen=True)
class Complexity:
    """G(ε), its curve, n90 and what the known vectors leave unseen.

    count_at_epsilon counts known vectors, count_outside bounds those outside them.
    n90 is None where the known vectors hold less than 90% of the energy of the gradients; it is
    an upper bound, and n90_at_least what remains if one vector held all the energy outside.
    energy_outside = 1 − the share of ‖g/‖g‖‖² that the known vectors capture, mean over points.
    zeroed_points counts points without a gradient direction, left out of everything here.
    """

    epsilon: Threshold
    g_at_epsilon: float
    count_at_epsilon: int
    count_outside: int
    g_curve: ComplexityCurve
    n90: int | None
    n90_at_least: int
    vectors_known: int
    energy_outside: float
    zeroed_points: int


def alignment_matrix(minimum: Minimum, vectors: Tensor) -> Tensor:
    """Alignments (r, n) of many vectors (r, p), taken as unit rows, with the training points.

    The p numbers of every gradient are formed once, which is faster than `align` for more vectors
    than ~100; a chunk of gradients is held at a time.
    """
    require_classification(minimum)
    vectors = parameter_vectors(minimum, vectors)
    parts = torch.split(minimum.inputs, rows_at_once(minimum))
    products = [inner(vectors, reinforcing_gradients(minimum, part).units) for part in parts]
    return torch.cat(products, dim=1) / norms(vectors)[:, None]


def random_at_once(dim: int) -> int:
    """Random vectors of p numbers held at a time, a multiple of ten."""
    return DRAWN * max(1, RANDOM_NUMBERS // (DRAWN * dim))


def random_max_alignment(
    minimum: Minimum, *, inputs: Tensor | None = None, count: int = 100, seed: int = 0
) -> Tensor:
    """max_i |A(x_i)| of `count` ≥ 100 random unit vectors: the size of alignment by chance.

    Each pass over the inputs takes as many vectors as `random_at_once` says.
    """
    if count < 100:
        raise ValueError(f"{count} random vectors are too few for a threshold: ask for 100.")
    inputs = minimum.inputs if inputs is None else inputs
    generator = torch.Generator().manual_seed(seed)
    maxima: list[Tensor] = []
    sizes = [min(DRAWN, count - start) for start in range(0, count, DRAWN)]
    together = random_at_once(minimum.dim) // DRAWN
    for start in range(0, len(sizes), together):
        # Drawn ten at a time, so that the vectors do not depend on how many go together.
        draws = [
            torch.randn((size, minimum.dim), generator=generator, dtype=torch.float64)
            for size in sizes[start : start + together]
        ]
        values = align(minimum, torch.cat(draws), inputs).values.abs()
        maxima.append(values[:, ~values[0].isnan()].amax(dim=1))
    return torch.cat(maxima)


def complexity(
    alignment: Tensor,
    *,
    dim: int,
    epsilon: float | None = None,
    random: Tensor | None = None,
    curve: Sequence[float] | None = None,
) -> Complexity:
    """Complexity from alignments (r, n) of r known eigenvectors, in any order.

    Give ε, or `random` from `random_max_alignment`, whose mean becomes ε. Raises ValueError if
    neither is given, if ε is outside (0, 1), or if ε < 1e-5 for float32 alignments.
    """
    usable = ~alignment[0].isnan()
    values = alignment[:, usable].double()
    if values.shape[1] == 0:
        raise ValueError(
            f"None of the {alignment.shape[1]} points has a gradient direction: "
            "the network's output does not depend on its parameters there."
        )
    threshold = _threshold(epsilon, random)
    grid = list(curve) if curve is not None else _default_curve(alignment.dtype)
    for value in [threshold.value, *grid]:
        _check_epsilon(value, alignment.dtype)
    largest = values.abs().amax(dim=1)
    counts = [int((largest >= value).sum()) for value in grid]
    at_epsilon = int((largest >= threshold.value).sum())
    energy = values.square().sum(dim=1) / values.shape[1]
    outside = (1 - values.square().sum(dim=0)).clamp_min(0)
    room = dim - alignment.shape[0]
    return Complexity(
        epsilon=threshold,
        g_at_epsilon=at_epsilon / dim,
        count_at_epsilon=at_epsilon,
        count_outside=most_outside(outside, threshold.value, room=room),
        g_curve=ComplexityCurve(
            grid,
            counts,
            [count / dim for count in counts],
            [most_outside(outside, value, room=room) for value in grid],
        ),
        n90=_vectors_holding(energy, 0.9),
        n90_at_least=_at_least_holding(energy, 0.9, float(outside.mean())),
        vectors_known=alignment.shape[0],
        energy_outside=float(outside.mean()),
        zeroed_points=int((~usable).sum()),
    )


def most_outside(outside: Tensor, epsilon: float, *, room: int) -> int:
    """The most vectors of any orthonormal basis of an unseen space that reach |A| ≥ ε.

    outside (n,) = ‖u_i^⊥‖², the energy of each unit gradient in that space; `room` its dimension.
    By Bessel's inequality a point has |A_k| ≥ ε for at most ‖u_i^⊥‖²/ε² vectors; one point alone
    attains this in a basis that spreads it evenly.
    """
    return min(room, int((outside / epsilon**2).floor().sum()))


def _vectors_holding(energy: Tensor, share: float) -> int | None:
    """The fewest vectors that hold `share` of the total energy 1; None if all hold less."""
    held = energy.sort(descending=True).values.cumsum(0)
    if float(held[-1]) < share:
        return None
    return int((held < share).sum()) + 1


def _at_least_holding(energy: Tensor, share: float, outside: float) -> int:
    """Fewest vectors that can hold `share` if one unseen vector holds all the energy outside."""
    known = _vectors_holding(energy, share)
    helped = 0 if outside >= share else (_vectors_holding(energy, share - outside) or len(energy))
    return helped + 1 if known is None else min(known, helped + 1)


def _threshold(epsilon: float | None, random: Tensor | None) -> Threshold:
    if epsilon is not None:
        return Threshold(epsilon, None, "given")
    if random is None:
        raise ValueError(
            "No threshold: give ε, or the largest alignments of at least 100 random unit vectors."
        )
    if random.numel() < 100:
        raise ValueError(f"{random.numel()} random vectors are too few: at least 100 are needed.")
    source = f"mean of max |A| over {random.numel()} random unit vectors"
    return Threshold(float(random.mean()), float(random.std()), source)


def _default_curve(dtype: torch.dtype) -> list[float]:
    """Four values a decade up to 1, from 1e-6 in float64 and from 1e-5 in float32."""
    first = -24 if dtype == torch.float64 else -20
    return [10.0 ** (quarter / 4) for quarter in range(first, 1)]


def _check_epsilon(value: float, dtype: torch.dtype) -> None:
    if not (math.isfinite(value) and 0 < value <= 1):
        raise ValueError(f"ε = {value} is not a threshold for |A|, which lies in (0, 1].")
    if dtype != torch.float64 and value < SMALLEST_FLOAT32_EPSILON:
        raise ValueError(
            f"ε = {value} is below 1e-5, where G(ε) of a float32 network counts rounding noise: "
            "ask for a larger ε or analyse in float64."
        )
