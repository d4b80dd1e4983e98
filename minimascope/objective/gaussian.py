"""Squared error as a Gaussian with unit variance: ½‖f − y‖² summed over K outputs; Λ = I.

nn.MSELoss is a mean over n × K without the half: 2/K times this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import CurvatureMap, Loss, LossName, check_count


@dataclass(frozen=True)
class Gaussian(Loss):
    """ℓ = ½‖f − y‖², the negative log-likelihood without its constant."""

    name: ClassVar[LossName] = "mse"
    classifies: ClassVar[bool] = False
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
            raise ValueError(f"mse needs {f.shape[1]} targets an example, got {tuple(y.shape)}.")

    @override
    def of_best_constant(self, y: Tensor) -> float:
        spread = y.reshape(y.shape[0], -1).double().var(dim=0, correction=0)
        return 0.5 * float(spread.sum())

    @override
    def sampled_residual(self, f: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randn(f.shape, generator=generator, dtype=f.dtype).to(f.device)
