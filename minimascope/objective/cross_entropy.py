"""Softmax cross-entropy: K logits, y a class index; Λ = diag(P) − P Pᵀ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import (
    CurvatureMap,
    Loss,
    LossName,
    check_count,
    check_labels,
    label_entropy,
)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """ℓ = −log P_y of P = softmax(f)."""

    name: ClassVar[LossName] = "cross_entropy"
    classifies: ClassVar[bool] = True

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(f, y, reduction="none")

    @override
    def mean(self, f: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(f, y)  # in one pass

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        chosen = functional.one_hot(y, f.shape[1]).bool()
        others = functional.softmax(f, dim=1).masked_fill(chosen, 0)
        return torch.where(chosen, -others.sum(1, keepdim=True), others)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        P = functional.softmax(f, dim=1)
        outer = P[:, :, None] * P[:, None, :]
        # P_c(1 − P_c) as a sum over the other classes keeps its digits when P_c rounds to 1.
        off_diagonal = outer - torch.diag_embed(torch.diagonal(outer, dim1=1, dim2=2))
        return torch.diag_embed(off_diagonal.sum(2)) - off_diagonal

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        P = functional.softmax(f, dim=1)
        likeliest = f.argmax(1)[:, None]

        def times(tangents: Tensor) -> Tensor:
            # Λx = P ⊙ (x − Σ P x) does not change with x − x_c; seen from the likeliest class c
            # the mean is small where P_c is near 1, and nothing cancels.
            apart = tangents - tangents.gather(2, likeliest.expand(tangents.shape[0], -1, 1))
            return P * (apart - (P * apart).sum(2, keepdim=True))

        return times

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        P = self.link(f)
        return torch.diag_embed(P.sqrt()) - P[:, :, None] * P.sqrt()[:, None, :]

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
        check_labels(self.name, y, f.shape[1])

    @override
    def of_best_constant(self, y: Tensor) -> float:
        return label_entropy(y)

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return self.link(f)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return f.argmax(1)

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        label = y[:, None]
        rest = f.scatter(1, label, -math.inf).amax(dim=1)
        return f.gather(1, label)[:, 0] - rest
