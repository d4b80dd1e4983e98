"""Logistic loss: one logit, y 0 or 1; Λ = σ(f)(1 − σ(f))."""

from __future__ import annotations

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
class Binary(Loss):
    """ℓ = log(1 + exp(∓f)) of one logit f, (n,) or n × 1."""

    name: ClassVar[LossName] = "binary"
    classifies: ClassVar[bool] = True

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return functional.softplus(-_signs(f, y)[:, 0] * f.reshape(-1))

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        signs = _signs(f, y)
        return -signs * torch.sigmoid(-signs * f)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        return _variance(f)[:, :, None]

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        weight = _variance(f)
        return lambda tangents: weight * tangents

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        return _variance(f).sqrt()[:, :, None]

    @override
    def link(self, f: Tensor) -> Tensor:
        return torch.sigmoid(f)

    @override
    def fits(self, outputs: int) -> bool:
        return outputs == 1

    @override
    def classes(self, outputs: int) -> int | None:
        return 2

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)
        if f.shape[1] != 1:
            raise ValueError(
                f"The binary loss needs one logit an example; the network has {f.shape[1]}."
            )
        check_labels(self.name, y, 2)

    @override
    def of_best_constant(self, y: Tensor) -> float:
        return label_entropy(y)

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return torch.cat([torch.sigmoid(-f), torch.sigmoid(f)], dim=1)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return (f.reshape(-1) > 0).long()

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        return f[:, 0] * (2 * y - 1)


def _signs(f: Tensor, y: Tensor) -> Tensor:
    """±1 (n × 1) for labels 1 and 0."""
    return 2 * y.reshape(-1, 1).to(f.dtype) - 1


def _variance(f: Tensor) -> Tensor:
    return torch.sigmoid(f) * torch.sigmoid(-f)
