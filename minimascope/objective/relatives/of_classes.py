"""Kin of softmax cross-entropy with class labels: smoothing, class weights, a softmax inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.relatives.relative import Flags, Relative, plain, rounded

NAME = "cross-entropy"
# More classes than this have too many gradients for weights of their own.
MOST_CLASSES = 20
LEAST, MOST = 0.001, 0.6  # label smoothing
SUMMED = 1e-4  # how far from 1 rows of probabilities may sum


def of_classes(loss: CrossEntropy, f: Tensor, y: Tensor) -> Iterator[Relative]:
    """At outputs f (n × K) and targets y; those of soft labels are none but the loss itself."""
    if y.ndim != 1:
        return
    if _are_probabilities(f):
        said = f"{NAME} of outputs that are probabilities already"
        yield plain(_of_softmax, said, {"link": "probabilities"})
    yield plain(CrossEntropy().residual, NAME, _without(loss))
    yield Relative(_smoothed, _smoothing, _said_smoothing, 1)
    classes, counts = f.shape[1], torch.bincount(y, minlength=f.shape[1])
    if not 2 <= classes <= MOST_CLASSES:
        return
    if bool((counts > 0).all()):
        weights = (len(y) / (classes * counts.double())).tolist()
        balanced = CrossEntropy(class_weights=tuple(weights)).of_data(y)
        said = f"{NAME} with classes weighted by the inverse of their frequency"
        yield plain(balanced.residual, said, {"class_weights": weights})
    if classes > 2 and counts[0] > 0:
        said = f"{NAME} with class weights"
        yield Relative(_by_class(counts), _weights(counts), lambda _: said, classes - 1)


def _without(loss: CrossEntropy) -> Flags:
    """What to tell so that the loss is a plain one."""
    flags: Flags = {"label_smoothing": 0.0} if loss.label_smoothing else {}
    return {**flags, "class_weights": None} if loss.class_weights else flags


def _are_probabilities(f: Tensor) -> bool:
    inside = bool(((f >= 0) & (f <= 1)).all())
    return inside and f.shape[1] > 1 and bool(((f.sum(1) - 1).abs() < SUMMED).all())


def _of_softmax(p: Tensor, y: Tensor) -> Tensor:
    return -functional.one_hot(y, p.shape[1]).to(p) / p.clamp_min(torch.finfo(p.dtype).tiny)


def _smoothed(f: Tensor, y: Tensor) -> list[Tensor]:
    hot = functional.one_hot(y, f.shape[1]).to(f)
    return [CrossEntropy().residual(f, y), hot - 1 / f.shape[1]]


def _smoothing(sizes: list[float]) -> Flags | None:
    return {"label_smoothing": rounded(sizes[0])} if LEAST < sizes[0] < MOST else None


def _said_smoothing(flags: Flags) -> str:
    return f"{NAME} with label smoothing {flags['label_smoothing']:g}"


def _by_class(counts: Tensor) -> Callable[[Tensor, Tensor], list[Tensor]]:
    """Weights 1 + x_c with Σ n_c x_c = 0, so that their mean is that of torch."""

    def residuals(f: Tensor, y: Tensor) -> list[Tensor]:
        each = CrossEntropy().residual(f, y)
        first = (y == 0)[:, None] * each
        shares = (counts / counts[0]).tolist()
        own = [(y == c)[:, None] * each - shares[c] * first for c in range(1, len(shares))]
        return [each, *own]

    return residuals


def _weights(counts: Tensor) -> Callable[[list[float]], Flags | None]:
    """The smallest weight is 1."""

    def flags(sizes: list[float]) -> Flags | None:
        others = sum(x * int(n) for x, n in zip(sizes, counts[1:], strict=True))
        weights = [1 + x for x in (-others / int(counts[0]), *sizes)]
        smallest = min(weights)
        if smallest <= 0:
            return None
        return {"class_weights": [rounded(w / smallest, within=1e-3) for w in weights]}

    return flags
