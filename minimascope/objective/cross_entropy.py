"""Softmax cross-entropy: K logits; Λ = |a|(diag(P) − P Pᵀ) for targets of mass a.

y is a class index or soft labels (n × K). Both are masses a_c ≥ 0 on the classes, and
ℓ = −Σ a_c log P_c, r = |a|P − a (docs/mathematics.md, section 7). Label smoothing ε and class
weights w are those of torch's CrossEntropyLoss: a_c = (1−ε) w_y [c = y] + ε w_c/K divided by
W = Σ w_{y_i}; soft labels are smoothed, then weighted, and divided by n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import (
    CurvatureMap,
    Loss,
    LossName,
    OutputLinkName,
    TargetKind,
    check_count,
    check_labels,
    check_weights,
    label_entropy,
    mass_entropy,
)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """ℓ = −Σ a_c log P_c of P = softmax(f); `scale` is n/W once the data are known."""

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    scale: float = 1.0

    name: ClassVar[LossName] = "cross_entropy"
    reads: ClassVar[TargetKind] = "class_or_shares"
    classifies: ClassVar[bool] = True
    judges: ClassVar[bool] = True
    links: ClassVar[tuple[OutputLinkName, ...]] = ("Softmax", "LogSoftmax")

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing = {self.label_smoothing} is outside [0, 1).")
        check_weights("class_weights", self.class_weights)

    @property
    @override
    def plain(self) -> Loss:
        return CrossEntropy()

    @override
    def of_data(self, y: Tensor) -> Loss:
        if self.class_weights is None:
            return self
        if y.ndim == 2:
            return replace(self, scale=1.0)
        weights = torch.tensor(self.class_weights, dtype=torch.float64)
        outside = y[(y < 0) | (y >= len(weights))]
        if len(outside):
            raise ValueError(
                f"{len(weights)} class weights came, but there is a label {int(outside[0])}."
            )
        total = float(weights[y.cpu()].sum())
        if total == 0:
            raise ValueError("The class weights of all classes that have examples are 0.")
        return replace(self, scale=y.shape[0] / total)

    @override
    def check_outputs(self, outputs: int) -> None:
        if self.class_weights is not None and len(self.class_weights) != outputs:
            raise ValueError(
                f"{len(self.class_weights)} class weights came for a network of {outputs} classes."
            )

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        if self._is_soft(y):
            return -(self.masses(f, y) * functional.log_softmax(f, dim=1)).sum(1)
        values, mass = functional.cross_entropy(f, y, reduction="none"), self._mass(f, y)
        return values if mass is None else mass * values

    @override
    def mean(self, f: Tensor, y: Tensor) -> Tensor:
        if self == CrossEntropy():
            return functional.cross_entropy(f, y)  # in one pass
        return super().mean(f, y)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        if self._is_soft(y):
            P, a = functional.softmax(f, dim=1), self.masses(f, y)
            # |a|P_c − a_c = P_c Σ' a − a_c Σ' P, sums over the other classes: no P_c near 1.
            return P * _others(a) - a * _others(P)
        residual, mass = _of_label(f, y), self._mass(f, y)
        return residual if mass is None else mass[:, None] * residual

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        P = functional.softmax(f, dim=1)
        outer = P[:, :, None] * P[:, None, :]
        # P_c(1 − P_c) as a sum over the other classes keeps its digits when P_c rounds to 1.
        off_diagonal = outer - torch.diag_embed(torch.diagonal(outer, dim1=1, dim2=2))
        found = torch.diag_embed(off_diagonal.sum(2)) - off_diagonal
        mass = self._mass(f, y)
        return found if mass is None else mass[:, None, None] * found

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        P = functional.softmax(f, dim=1)
        likeliest, mass = f.argmax(1)[:, None], self._mass(f, y)
        weighted = P if mass is None else mass[:, None] * P

        def times(tangents: Tensor) -> Tensor:
            # Λx = P ⊙ (x − Σ P x) does not change with x − x_c; seen from the likeliest class c
            # the mean is small where P_c is near 1, and nothing cancels.
            apart = tangents - tangents.gather(2, likeliest.expand(tangents.shape[0], -1, 1))
            return weighted * (apart - (P * apart).sum(2, keepdim=True))

        return times

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        P, mass = self.link(f), self._mass(f, y)
        half = torch.diag_embed(P.sqrt()) - P[:, :, None] * P.sqrt()[:, None, :]
        return half if mass is None else mass.sqrt()[:, None, None] * half

    @override
    def link(self, f: Tensor) -> Tensor:
        return torch.softmax(f, dim=1)

    @override
    def fits(self, outputs: int) -> bool:
        return outputs != 1

    @override
    def classes(self, outputs: int) -> int | None:
        return outputs

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)
        self.check_outputs(f.shape[1])
        if y.ndim != 2 or not y.is_floating_point():
            check_labels(self.name, y, f.shape[1])
        elif y.shape[1] != f.shape[1]:
            raise ValueError(f"Soft labels of {y.shape[1]} classes came with {f.shape[1]} logits.")
        elif not bool((y >= 0).all()):
            raise ValueError(f"Soft labels are probabilities, not {float(y.min()):g}.")

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        if self == CrossEntropy() and y.ndim == 1 and weights is None:
            return label_entropy(y)
        a = self.masses(torch.zeros(1, outputs, dtype=torch.float64, device=y.device), y)
        a = a if weights is None else weights.double()[:, None] * a
        return float(mass_entropy(a.mean(0)))

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.multinomial(self.link(f).cpu(), 1, generator=generator)
        residual, mass = _of_label(f, drawn[:, 0].to(f.device)), self._mass(f, y)
        return residual if mass is None else mass.sqrt()[:, None] * residual

    @override
    def labels(self, y: Tensor) -> Tensor:
        return y.argmax(1) if y.ndim == 2 else y

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return self.link(f)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return f.argmax(1)

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        label = self.labels(y)[:, None]
        rest = f.scatter(1, label, -math.inf).amax(dim=1)
        return f.gather(1, label)[:, 0] - rest

    def _is_soft(self, y: Tensor) -> bool:
        """Whether more than one class may have mass."""
        return self.label_smoothing > 0 or y.ndim == 2

    def masses(self, f: Tensor, y: Tensor) -> Tensor:
        """What has mass on each class: a (n × K), in the precision of f."""
        classes, weights = f.shape[1], self._weights(f)
        w = torch.ones_like(f[0]) if weights is None else weights
        if y.ndim == 2:
            smoothed = (1 - self.label_smoothing) * y.to(f) + self.label_smoothing / classes
            return self.scale * w * smoothed
        own = (y[:, None] == torch.arange(classes, device=f.device)).to(f) * w[y][:, None]
        return self.scale * ((1 - self.label_smoothing) * own + self.label_smoothing / classes * w)

    def _mass(self, f: Tensor, y: Tensor) -> Tensor | None:
        """|a| (n,), None where it is 1 for every example."""
        weights = self._weights(f)
        if self._is_soft(y):
            hard = weights is None and y.ndim == 1
            return None if hard else self.masses(f, y).sum(1)
        return None if weights is None else self.scale * weights[y]

    def _weights(self, f: Tensor) -> Tensor | None:
        if self.class_weights is None:
            return None
        return torch.tensor(self.class_weights, dtype=f.dtype, device=f.device)


def _of_label(f: Tensor, y: Tensor) -> Tensor:
    """P − e_y, with P_y − 1 as minus the sum of the others."""
    others = functional.softmax(f, dim=1).scatter(1, y[:, None], 0)
    return others.scatter(1, y[:, None], -others.sum(1, keepdim=True))


def _others(x: Tensor) -> Tensor:
    """Σ_{k≠c} x_k of non-negative x (n × K), as a sum without x_c where that is the largest."""
    top = x.argmax(1, keepdim=True)
    rest = x.scatter(1, top, 0).sum(1, keepdim=True)
    return (rest + x.gather(1, top) - x).scatter(1, top, rest)
