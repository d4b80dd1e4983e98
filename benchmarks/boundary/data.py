"""Five two-dimensional classification problems, drawn here from their definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Points = tuple[np.ndarray, np.ndarray]


def gauss(n: int, rng: np.random.Generator) -> Points:
    """Three overlapping normal clouds on a triangle."""
    y = np.arange(n) % 3
    angle = 2 * np.pi * y / 3
    return 1.5 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.6 * rng.normal(size=(n, 2)), y


def circle(n: int, rng: np.random.Generator) -> Points:
    """A disc inside a ring."""
    y = np.arange(n) % 2
    radius = np.where(y == 0, 1.0, 2.0) + 0.2 * rng.normal(size=n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), y


def half_moon(n: int, rng: np.random.Generator) -> Points:
    """Two interleaved half circles."""
    y = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    sign = np.where(y == 0, 1.0, -1.0)
    x = np.stack([np.cos(angle) * sign + (y == 1), np.sin(angle) * sign + 0.4 * (y == 1)], 1)
    return 1.5 * x + 0.2 * rng.normal(size=(n, 2)), y


def hierarchical(n: int, rng: np.random.Generator) -> Points:
    """Four clouds in two pairs: pairs far apart, their members close."""
    y = np.arange(n) % 4
    centre = np.stack([np.where(y < 2, -2.0, 2.0), np.where(y % 2 == 0, -0.8, 0.8)], 1)
    return centre + 0.4 * rng.normal(size=(n, 2)), y


def checkerboard(n: int, rng: np.random.Generator) -> Points:
    """Squares of side 1.3 with a gap of 0.1 around them, in two colours, 3 by 3."""
    cell = rng.integers(0, 3, size=(n, 2))
    inside = rng.uniform(-0.55, 0.55, size=(n, 2))
    return 1.3 * (cell - 1) + inside, cell.sum(axis=1) % 2


PROBLEMS: dict[str, Callable[[int, np.random.Generator], Points]] = {
    "gauss": gauss,
    "circle": circle,
    "half-moon": half_moon,
    "hierarchical": hierarchical,
    "checkerboard": checkerboard,
}


def draw(name: str, n: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """n examples (n, 2) float64 with their classes."""
    x, y = PROBLEMS[name](n, np.random.default_rng(seed))
    return torch.tensor(x), torch.tensor(y, dtype=torch.int64)
