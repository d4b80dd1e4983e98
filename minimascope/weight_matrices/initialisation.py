"""Whether a weight is still what an initialisation draws: independent entries of a known spread.

The usual ones are tried (torch's own of each layer, Xavier, Kaiming, the 0.02 of transformers); a
weight looks untouched where its entries are as one of them draws them (Kolmogorov–Smirnov, p above
LEVEL), no singular value passes the Marchenko–Pastur edge, and its bias is zero or inside torch's
bounds. How often that is right was measured: `measured`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov, ndtr
from torch import Tensor

LEVEL = 1e-3
FEWEST = 200  # numbers; fewer are like many distributions
SAMPLE = 200_000
GATES = (1, 3, 4)  # rows of a recurrent weight are so many gates of hidden units

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """One way of drawing a weight: its name and its cumulative distribution."""

    name: str
    below: Callable[[Floats], Floats]
    spread: float


def _uniform(name: str, bound: float) -> Drawn:
    def below(x: Floats) -> Floats:
        return np.clip((x + bound) / (2 * bound), 0.0, 1.0)

    return Drawn(f"{name} (uniform, ±{bound:.3g})", below, bound / float(np.sqrt(3.0)))


def _normal(name: str, deviation: float) -> Drawn:
    def below(x: Floats) -> Floats:
        return np.asarray(ndtr(x / deviation))

    return Drawn(f"{name} (normal, σ {deviation:.3g})", below, deviation)


def ways(shape: tuple[int, ...]) -> Iterator[Drawn]:
    """The usual initialisations of a weight of this shape (out, in, …)."""
    field = int(np.prod(shape[2:], dtype=np.int64))
    into, out = shape[1] * field, shape[0] * field
    yield _uniform("torch's default", into**-0.5)
    yield _uniform("Xavier", (6 / (into + out)) ** 0.5)
    yield _uniform("Kaiming", (6 / into) ** 0.5)
    yield _normal("Kaiming", (2 / into) ** 0.5)
    yield _normal("Kaiming, fan out", (2 / out) ** 0.5)
    yield _normal("Xavier", (2 / (into + out)) ** 0.5)
    yield _normal("LeCun", into**-0.5)
    yield _normal("transformers", 0.02)
    yield _normal("small", 0.01)
    yield _normal("torch's embedding", 1.0)
    for gates in GATES:
        if shape[0] % gates == 0:
            yield _uniform("torch's recurrent layers", (shape[0] / gates) ** -0.5)


def distance(values: Floats, way: Drawn) -> float:
    """Kolmogorov–Smirnov distance of sorted values."""
    law, steps = way.below(values), np.arange(len(values) + 1) / len(values)
    return float(max(np.max(steps[1:] - law), np.max(law - steps[:-1])))


def drawn_as(weight: Tensor, *, seed: int = 0) -> str | None:
    """The initialisation that the entries of a finite weight are like; None for none of them."""
    flat = weight.reshape(-1)
    if flat.numel() < FEWEST:
        return None
    if flat.numel() > SAMPLE:
        places = np.random.default_rng(seed).integers(0, flat.numel(), SAMPLE)
        flat = flat[places]
    values = np.sort(flat.double().numpy())
    spread = float(np.sqrt(np.mean(values**2)))
    likely = [way for way in ways(tuple(weight.shape)) if abs(spread / way.spread - 1) < 0.2]
    best = min(likely, key=lambda way: distance(values, way), default=None)
    if best is None or kolmogorov(np.sqrt(len(values)) * distance(values, best)) < LEVEL:
        return None
    return best.name


def bias_untouched(bias: Tensor | None, inputs: int) -> bool:
    """Zero, or inside what torch draws it from."""
    if bias is None or bias.numel() == 0:
        return True
    return float(bias.double().abs().max()) <= inputs**-0.5 * (1 + 1e-6)
