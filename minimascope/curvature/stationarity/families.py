"""Losses people train with, as far as one gradient tells them: a base and what changes it.

Each family is a plain loss's gradient and columns whose sizes are unknown. Weights of the losses
as torch has them (docs/mathematics.md, section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.stationarity.fit import rounded
from minimascope.curvature.stationarity.gradients import pulled

# More classes than this have too many gradients for weights of their own.
MOST_CLASSES = 20

NAMES = {
    "cross_entropy": "cross-entropy",
    "binary": "the binary loss",
    "multilabel": "the multi-label loss",
    "mse": "½ squared error",
    "torch_mse": "torch's MSELoss",
}

Flags = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """A loss with unknown sizes: its gradient (p,) is base + Σ size·column.

    `flags` turns the sizes into options, or None where they cannot be; `said` names the loss.
    """

    base: Tensor
    columns: list[Tensor]
    flags: Callable[[list[float]], Flags | None]
    said: Callable[[Flags], str]
    options: Flags = field(default_factory=dict)


def families(minimum: Minimum) -> Iterator[Family]:
    """The told loss first, then its kin; one forward pass each at most."""
    told = pulled(minimum, lambda f, y: minimum.loss.residual(f, y)[None])[0]
    yield Family(told, [], lambda _: {}, lambda _: NAMES[minimum.loss.name])
    y = minimum.targets
    if y.ndim != 1:  # soft or several labels, numbers, weights of examples: nothing else is tried
        return
    yield from _of_probabilities(minimum)
    if minimum.loss.name == "cross_entropy":
        yield from _of_classes(minimum)
    if minimum.loss.name == "binary":
        yield from _of_positives(minimum)


def _of_classes(minimum: Minimum) -> Iterator[Family]:
    smoothed = pulled(minimum, _smoothing)
    plain, toward = smoothed[0], smoothed[1]
    yield Family(plain, [], lambda _: {"label_smoothing": 0.0}, lambda _: "plain cross-entropy")
    yield Family(plain, [toward], _smoothing_flags, _smoothing_said)
    classes = minimum.loss.classes(_width(minimum)) or 0
    if not 2 <= classes <= MOST_CLASSES:
        return
    counts = torch.bincount(minimum.targets.long(), minlength=classes)
    by_class = pulled(minimum, _of_each_class(classes))
    if bool((counts > 0).all()):
        balanced = (minimum.n / (classes * counts)).to(by_class)
        yield Family(
            (balanced[:, None] * by_class).sum(0) * minimum.n / float((balanced * counts).sum()),
            [],
            lambda _: {"class_weights": [rounded(w, within=1e-9) for w in balanced.tolist()]},
            lambda _: "cross-entropy with classes weighted by the inverse of their frequency",
        )
    if classes > 2:
        apart = [by_class[c] - counts[c] / counts[0] * by_class[0] for c in range(1, classes)]
        yield Family(plain, apart, _class_flags(counts), _class_said)


def _class_said(_: Flags) -> str:
    return "cross-entropy with class weights"


def _positives_said(flags: Flags) -> str:
    return f"the binary loss with pos_weight {flags['pos_weight'][0]:g}"


def _of_probabilities(minimum: Minimum) -> Iterator[Family]:
    """The network ends in sigmoid or softmax: its outputs are probabilities, not logits."""
    outputs = as_matrix(outputs_at(minimum, minimum.inputs))
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    if minimum.loss.name == "binary" and inside:
        residual = _of_bernoulli
    elif minimum.loss.name == "cross_entropy" and inside and _sums_to_one(outputs):
        residual = _of_softmax
    else:
        return
    base = pulled(minimum, residual)[0]
    said = f"{NAMES[minimum.loss.name]} of outputs that are probabilities already"
    yield Family(base, [], lambda _: {"link": "probabilities"}, lambda _: said)


def _sums_to_one(outputs: Tensor) -> bool:
    return outputs.shape[1] > 1 and bool(((outputs.sum(1) - 1).abs() < 1e-4).all())


def _of_bernoulli(p: Tensor, y: Tensor) -> Tensor:
    tiny = torch.finfo(p.dtype).tiny
    one = y.reshape(p.shape).to(p)
    return ((1 - one) / (1 - p).clamp_min(tiny) - one / p.clamp_min(tiny))[None]


def _of_softmax(p: Tensor, y: Tensor) -> Tensor:
    hot = functional.one_hot(y, p.shape[1]).to(p)
    return (-hot / p.clamp_min(torch.finfo(p.dtype).tiny))[None]


def _width(minimum: Minimum) -> int:
    with torch.no_grad():
        return int(minimum.logits(minimum.theta, minimum.inputs[:1]).reshape(1, -1).shape[1])


def _smoothing(f: Tensor, y: Tensor) -> Tensor:
    hot = functional.one_hot(y, f.shape[1]).to(f)
    return torch.stack([functional.softmax(f, dim=1) - hot, hot - 1 / f.shape[1]])


def _smoothing_flags(sizes: list[float]) -> Flags | None:
    return {"label_smoothing": rounded(sizes[0])} if 0.001 < sizes[0] < 0.6 else None


def _smoothing_said(flags: Flags) -> str:
    return f"cross-entropy with label smoothing {flags['label_smoothing']:g}"


def _of_each_class(classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    def residuals(f: Tensor, y: Tensor) -> Tensor:
        plain = functional.softmax(f, dim=1) - functional.one_hot(y, f.shape[1]).to(f)
        return torch.stack([plain * (y == c)[:, None] for c in range(classes)])

    return residuals


def _class_flags(counts: Tensor) -> Callable[[list[float]], Flags | None]:
    """Weights 1 + x_c with Σ n_c x_c = 0, so that they are those of torch's own mean."""

    def flags(sizes: list[float]) -> Flags | None:
        first = -sum(x * int(n) for x, n in zip(sizes, counts[1:], strict=True)) / int(counts[0])
        weights = [1 + x for x in (first, *sizes)]
        if min(weights) <= 0:
            return None
        smallest = min(weights)
        return {"class_weights": [rounded(w / smallest, within=1e-3) for w in weights]}

    return flags


def _of_positives(minimum: Minimum) -> Iterator[Family]:
    def residuals(f: Tensor, y: Tensor) -> Tensor:
        one = y.reshape(f.shape).to(f)
        return torch.stack([(1 - one) * torch.sigmoid(f), -one * torch.sigmoid(-f)])

    negatives, positives = pulled(minimum, residuals)
    yield Family(negatives + positives, [], lambda _: {}, lambda _: "the plain binary loss")

    def flags(sizes: list[float]) -> Flags | None:
        return {"pos_weight": [rounded(sizes[0])]} if sizes[0] > 0.001 else None

    yield Family(negatives, [positives], flags, _positives_said)
