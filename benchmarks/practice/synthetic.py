"""Synthetic data: each call draws a distribution of its own, then `count` examples of it.

Images are 12 × 12 with one channel, tokens are rows of 16 integers; targets are classes or, for
regression, rows of numbers.
"""

from __future__ import annotations

import numpy as np

Drawn = tuple[np.ndarray, np.ndarray, int]
SIDE, LENGTH = 12, 16


def _choose(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def _network(X: np.ndarray, width: int, outputs: int, rng: np.random.Generator) -> np.ndarray:
    first = rng.normal(size=(X.shape[1], width)) / X.shape[1] ** 0.5
    return np.tanh(1.5 * X @ first) @ rng.normal(size=(width, outputs)) * (8 / width) ** 0.5


def teacher(count: int, rng: np.random.Generator) -> Drawn:
    """Labels drawn from the softmax of a random two-layer network: 16 inputs, 4 classes."""
    X = rng.normal(size=(count, 16))
    return X, _choose(_network(X, 24, 4, rng), rng), 4


def mixture(count: int, rng: np.random.Generator) -> Drawn:
    """Six classes, each of two overlapping unit Gaussians, in 10 dimensions."""
    y, cluster = rng.integers(0, 6, count), rng.integers(0, 2, count)
    centres = 0.9 * rng.normal(size=(6, 2, 10))
    return centres[y, cluster] + rng.normal(size=(count, 10)), y, 6


def bars(count: int, rng: np.random.Generator) -> Drawn:
    """A bar of one of five directions somewhere in the noise."""
    y = rng.integers(0, 5, count)
    angle = np.pi * (y + rng.normal(scale=0.15, size=count)) / 5
    centre = rng.uniform(3, SIDE - 4, size=(count, 2))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    dx = columns - centre[:, 0, None, None]
    dy = rows - centre[:, 1, None, None]
    c, s = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, across = c * dx + s * dy, c * dy - s * dx
    image = np.exp(-(across**2) / 0.8) * (np.abs(along) < 4)
    return (image + 0.5 * rng.normal(size=image.shape))[:, None], y, 5


def gratings(count: int, rng: np.random.Generator) -> Drawn:
    """Waves of any phase; direction and wavelength say which of six classes."""
    y = rng.integers(0, 6, count)
    angle = np.pi * (y % 3 + rng.normal(scale=0.12, size=count)) / 3
    wavelength = np.where(y < 3, 4.0, 7.0)
    phase = rng.uniform(0, 2 * np.pi, count)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    c, s = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along = c * columns + s * rows
    wave = np.sin(2 * np.pi * along / wavelength[:, None, None] + phase[:, None, None])
    return (wave + 0.8 * rng.normal(size=wave.shape))[:, None], y, 6


def motifs(count: int, rng: np.random.Generator) -> Drawn:
    """Random tokens of 20; each of four classes plants its own pair, twice."""
    X, y = rng.integers(0, 20, size=(count, LENGTH)), rng.integers(0, 4, count)
    pairs = rng.permutation(20)[:8].reshape(4, 2)
    rows = np.arange(count)
    for half in (0, LENGTH // 2):
        at = half + rng.integers(0, LENGTH // 2 - 1, count)
        X[rows, at], X[rows, at + 1] = pairs[y, 0], pairs[y, 1]
    return X, y, 4


def markov(count: int, rng: np.random.Generator) -> Drawn:
    """Four Markov chains over 12 symbols, each one half a chain common to all."""
    common = rng.dirichlet(np.full(12, 0.5), size=12)
    chains = 0.5 * common + 0.5 * rng.dirichlet(np.full(12, 0.5), size=(4, 12))
    y = rng.integers(0, 4, count)
    X = np.zeros((count, LENGTH), dtype=np.int64)
    X[:, 0] = rng.integers(0, 12, count)
    for t in range(1, LENGTH):
        X[:, t] = _choose(np.log(chains[y, X[:, t - 1]] + 1e-12), rng)
    return X, y, 4


def friedman(count: int, rng: np.random.Generator) -> Drawn:
    """Friedman's first function of five of ten inputs, with noise; scaled to unit variance."""
    X = rng.uniform(size=(count, 10))
    f = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
    f = f + 10 * X[:, 3] + 5 * X[:, 4]
    return (X - 0.5) * 12**0.5, ((f - 14.4) / 4.9 + 0.3 * rng.normal(size=count))[:, None], 1


def waves(count: int, rng: np.random.Generator) -> Drawn:
    """Three numbers from a random two-layer network of eight inputs, with noise."""
    X = rng.normal(size=(count, 8))
    f = _network(X, 16, 3, rng)
    return X, f / f.std(axis=0) + 0.4 * rng.normal(size=f.shape), 3


def blobs(count: int, rng: np.random.Generator) -> Drawn:
    """One to four round spots of any place in the noise: how many?"""
    y = rng.integers(0, 4, count)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = 0.6 * rng.normal(size=(count, SIDE, SIDE))
    for spot in range(4):
        at = rng.uniform(1, SIDE - 2, size=(count, 2))
        away = (rows - at[:, :1, None]) ** 2 + (columns - at[:, 1:, None]) ** 2
        image += (spot <= y)[:, None, None] * 1.5 * np.exp(-away / 2)
    return image[:, None], y, 4


def majority(count: int, rng: np.random.Generator) -> Drawn:
    """Tokens of 15 in five families; the family that was drawn more often than the others."""
    families, y = rng.permutation(15).reshape(5, 3), rng.integers(0, 5, count)
    own = rng.random((count, LENGTH)) < 0.25
    family = np.where(own, y[:, None], rng.integers(0, 5, (count, LENGTH)))
    return families[family, rng.integers(0, 3, (count, LENGTH))], y, 5


def spirals(count: int, rng: np.random.Generator) -> Drawn:
    """Three arms of a spiral in a plane, with noise."""
    y, r = rng.integers(0, 3, count), np.sqrt(rng.uniform(0.05, 1, count))
    angle = 2 * np.pi * (y / 3 + 0.6 * r) + rng.uniform(0, 0.4)
    X = 2 * r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X + 0.25 * rng.normal(size=X.shape), y, 3


def quadrants(count: int, rng: np.random.Generator) -> Drawn:
    """Yes or no by the product of two of eight numbers, and a little of the others."""
    X = rng.normal(size=(count, 8))
    logit = 3 * X[:, 0] * X[:, 1] + X[:, 2:] @ rng.normal(size=6) * 0.4
    return X, (rng.random(count) < 1 / (1 + np.exp(-logit))).astype(np.int64), 1


def pendulum(count: int, rng: np.random.Generator) -> Drawn:
    """Where a damped pendulum is and how fast, from four numbers of it and a time; with noise."""
    X = rng.uniform(-1, 1, size=(count, 5))
    slow, fast = np.exp(-0.8 * (1 + X[:, 0])), 2 + X[:, 1]
    phase = 1.5 * fast * (1 + X[:, 2]) + np.pi * X[:, 3]
    f = np.stack([np.cos(phase), np.sin(phase)], axis=1) * (slow * (1.5 + X[:, 4]))[:, None]
    return X * 3**0.5, f / f.std(axis=0) + 0.3 * rng.normal(size=f.shape), 2


def shapes(count: int, rng: np.random.Generator) -> Drawn:
    """The outline of a disc, square, diamond or cross of any size and place, in noise."""
    y = rng.integers(0, 4, count)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    centre, size = rng.uniform(4, SIDE - 5, size=(count, 2)), rng.uniform(2, 4, size=count)
    dx = np.abs(columns - centre[:, 0, None, None])
    dy = np.abs(rows - centre[:, 1, None, None])
    away = np.stack([np.hypot(dx, dy), np.maximum(dx, dy), dx + dy, 2 * np.minimum(dx, dy)])
    away = away[y, np.arange(count)]
    edge = np.where((y == 3)[:, None, None], away, away - size[:, None, None])
    image = np.exp(-(edge**2)) * (np.maximum(dx, dy) <= size[:, None, None] + 1)
    return (1.5 * image + 0.4 * rng.normal(size=image.shape))[:, None], y, 4


def textures(count: int, rng: np.random.Generator) -> Drawn:
    """Noise blurred along one of five directions: no image has a feature at a place of its own."""
    y = rng.integers(0, 5, count)
    image = rng.normal(size=(count, SIDE, SIDE))
    for step in (1, 2):
        moves = [(0, step), (step, 0), (step, step), (step, -step)]
        for kind, move in enumerate(moves):
            blurred = image + 0.6 * np.roll(image, move, axis=(1, 2))
            image = np.where((y == kind)[:, None, None], blurred, image)
    return (image / image.std(axis=(1, 2), keepdims=True))[:, None], y, 5


def brackets(count: int, rng: np.random.Generator) -> Drawn:
    """Opened and closed brackets of three sorts, with words between: how deep do they go?"""
    steps = rng.choice([-1, 0, 0, 1], size=(count, LENGTH))
    X, depth, deepest = np.zeros((count, LENGTH), dtype=np.int64), np.zeros(count, int), 0
    for t in range(LENGTH):
        step = np.where(depth == 0, np.abs(steps[:, t]), steps[:, t])
        depth = depth + step
        deepest = np.maximum(deepest, depth)
        words = rng.integers(6, 14, count)
        sort = rng.integers(0, 3, count)
        X[:, t] = np.where(step > 0, sort, np.where(step < 0, 3 + sort, words))
    return X, np.clip(deepest - 1, 0, 3), 4


def counts(count: int, rng: np.random.Generator) -> Drawn:
    """How often each of 24 things was seen, six classes, each its own mixture of four topics."""
    topics, shares = rng.dirichlet(np.full(24, 0.3), size=4), rng.dirichlet(np.ones(4), size=6)
    y = rng.integers(0, 6, count)
    own = np.stack([rng.dirichlet(4 * share + 0.1, size=count) for share in shares])
    expected = 12 * own[y, np.arange(count)] @ topics
    return np.log1p(rng.poisson(expected)) - 0.3, y, 6


def tree(count: int, rng: np.random.Generator) -> Drawn:
    """Yes or no by a random tree of depth four over twelve numbers, a tenth of them at random."""
    X = rng.normal(size=(count, 12))
    leaf = np.zeros(count, dtype=np.int64)
    column, cut = rng.integers(0, 12, 15), 0.5 * rng.normal(size=15)
    for _ in range(4):
        leaf = 2 * leaf + 1 + (X[np.arange(count), column[leaf]] > cut[leaf])
    answers = rng.permutation(16) % 2
    return X, np.where(rng.random(count) < 0.1, rng.integers(0, 2, count), answers[leaf - 15]), 1


def planes(count: int, rng: np.random.Generator) -> Drawn:
    """The highest of five planes over six numbers, and the lowest; with noise."""
    X = rng.normal(size=(count, 6))
    f = X @ rng.normal(size=(6, 5)) + rng.normal(size=5)
    y = np.stack([f.max(axis=1), f.min(axis=1)], axis=1)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return X, y + 0.4 * rng.normal(size=y.shape), 2


SYNTHETIC = {
    "teacher": teacher,
    "annotated": teacher,
    "mixture": mixture,
    "bars": bars,
    "gratings": gratings,
    "motifs": motifs,
    "markov": markov,
    "friedman": friedman,
    "waves": waves,
    "blobs": blobs,
    "majority": majority,
    "spirals": spirals,
    "quadrants": quadrants,
    "pendulum": pendulum,
    "shapes": shapes,
    "textures": textures,
    "brackets": brackets,
    "counts": counts,
    "tree": tree,
    "planes": planes,
}
