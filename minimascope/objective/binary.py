"""Logistic loss: one logit, y 0 or 1; Λ = σ(f)(1 − σ(f)), times pos_weight where y = 1."""

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
    OutputLinkName,
    TargetKind,
    check_count,
    check_labels,
    check_weights,
    label_entropy,
    mass_entropy,
)


@dataclass(frozen=True)
class Binary(Loss):
    """ℓ = log(1 + exp(∓f)) of one logit f, (n,) or n × 1; positives count `pos_weight` times.

    The mean is over n, as that of torch's BCEWithLogitsLoss.
    """

    pos_weight: float | None = None

    name: ClassVar[LossName] = "binary"
    reads: ClassVar[TargetKind] = "class"
    classifies: ClassVar[bool] = True
    judges: ClassVar[bool] = True
    links: ClassVar[tuple[OutputLinkName, ...]] = ("Sigmoid",)

    def __post_init__(self) -> None:
        check_weights("pos_weight", None if self.pos_weight is None else [self.pos_weight])

    @property
    @override
    def plain(self) -> Loss:
        return Binary()

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weighted(functional.softplus(-_signs(f, y)[:, 0] * f.reshape(-1)), y)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        signs = _signs(f, y)
        return self._weighted(-signs * torch.sigmoid(-signs * f), y)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weighted(_variance(f), y)[:, :, None]

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        weight = self._weighted(_variance(f), y)
        return lambda tangents: weight * tangents

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weighted(_variance(f), y).sqrt()[:, :, None]

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
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        if self == Binary() and weights is None:
            return label_entropy(y)
        mass = self._weighted(torch.ones(y.shape[0], dtype=torch.float64, device=y.device), y)
        mass = mass if weights is None else weights.double() * mass
        ones = y.reshape(-1).double()
        return float(mass_entropy(torch.stack([((1 - ones) * mass).mean(), (ones * mass).mean()])))

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.multinomial(self.probabilities(f).cpu(), 1, generator=generator)
        residual = Binary().residual(f, drawn[:, 0].to(f.device))
        return residual * self._weighted(torch.ones_like(f), y).sqrt()

    @override
    def labels(self, y: Tensor) -> Tensor:
        return y.reshape(-1)

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return torch.cat([torch.sigmoid(-f), torch.sigmoid(f)], dim=1)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return (f.reshape(-1) > 0).long()

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        return f[:, 0] * (2 * y - 1)

    def _weighted(self, each: Tensor, y: Tensor) -> Tensor:
        """Rows of positives times their weight."""
        if self.pos_weight is None:
            return each
        positive = y.reshape(-1, *[1] * (each.ndim - 1)) == 1
        return torch.where(positive, self.pos_weight * each, each)


def _signs(f: Tensor, y: Tensor) -> Tensor:
    """±1 (n × 1) for labels 1 and 0."""
    return 2 * y.reshape(-1, 1).to(f.dtype) - 1


def _variance(f: Tensor) -> Tensor:
    return torch.sigmoid(f) * torch.sigmoid(-f)
