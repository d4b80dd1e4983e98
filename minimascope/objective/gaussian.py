"""Squared error as a Gaussian with unit variance: ½‖f − y‖² summed over K outputs; Λ = I.

torch's MSELoss is a mean over n × K without the half: 2/K times this. Whoever minimised it with
weight decay λ has λK/2 beside the Gaussian; as `TorchMse` every number is in torch's own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import CurvatureMap, Loss, LossName, TargetKind, check_count


@dataclass(frozen=True)
class Gaussian(Loss):
    """ℓ = ½‖f − y‖², the negative log-likelihood without its constant."""

    name: ClassVar[LossName] = "mse"
    reads: ClassVar[TargetKind] = "numbers"
    classifies: ClassVar[bool] = False
    judges: ClassVar[bool] = False
    varies: ClassVar[bool] = True

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return 0.5 * self.residual(f, y).square().sum(1)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        return f - y.reshape(f.shape)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        n, width = f.shape
        return torch.eye(width, dtype=f.dtype, device=f.device).expand(n, width, width)

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        return lambda tangents: tangents

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        return self.curvatures(f, y).clone()

    @override
    def link(self, f: Tensor) -> Tensor:
        return f

    @override
    def fits(self, outputs: int) -> bool:
        return True

    @override
    def classes(self, outputs: int) -> int | None:
        return None

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)
        if y.numel() != f.numel():
            raise ValueError(
                f"{self.name} needs {f.shape[1]} targets an example, got {tuple(y.shape)}."
            )

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        rows = y.reshape(y.shape[0], -1).double()
        if weights is None:
            return 0.5 * float(rows.var(dim=0, correction=0).sum())
        w = weights.double()[:, None] / y.shape[0]
        mean = (w * rows).sum(0) / w.sum()
        return 0.5 * float((w * (rows - mean).square()).sum())

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randn(f.shape, generator=generator, dtype=f.dtype).to(f.device)

    @override
    def dispersion(self, f: Tensor, y: Tensor) -> float:
        """The variance of the noise, mean (f − y)²."""
        return float(Gaussian.residual(self, f, y).square().mean())


@dataclass(frozen=True)
class TorchMse(Gaussian):
    """ℓ = ‖f − y‖²/K, whose mean is torch's MSELoss; Λ = 2I/K."""

    name: ClassVar[LossName] = "torch_mse"

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return super().residual(f, y).square().mean(1)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        return 2 / f.shape[1] * super().residual(f, y)

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        return 2 / f.shape[1] * super().curvatures(f, y)

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        return lambda tangents: 2 / f.shape[1] * tangents

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        return self.curvatures(f, y).sqrt()

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        return 2 / outputs * super().of_best_constant(y, outputs, weights)

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        return (2 / f.shape[1]) ** 0.5 * super().sampled_residual(f, y, generator)

    @override
    def dispersion(self, f: Tensor, y: Tensor) -> float:
        """2/K times the variance of the noise."""
        return 2 / f.shape[1] * super().dispersion(f, y)
