"""A weight for every example: the objective is (1/n) Σ w_i ℓ_i, whatever the weights sum to.

The weight stands in the targets' first column, so it goes wherever the targets go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import CurvatureMap, Loss, check_weights


def with_weights(targets: Tensor, weights: Tensor) -> Tensor:
    """Targets n × (1 + T) floating, as `Weighted` takes them: weights (n,) first.

    Raises ValueError where a weight is negative or not finite, or none is positive.
    """
    check_weights("weights of examples", weights.reshape(-1).tolist())
    kind = targets.dtype if targets.is_floating_point() else torch.float64
    return torch.cat([weights.reshape(-1, 1).to(kind), targets.reshape(len(targets), -1)], dim=1)


@dataclass(frozen=True)
class Weighted(Loss):
    """w_i times the loss `inner`, with w = 1 where weights are `left_out`.

    `targets` says what stands behind the weight: labels of (n,) or rows of numbers.
    """

    inner: Loss
    targets: Literal["labels", "rows"] = "labels"
    weights: Literal["counted", "left_out"] = "counted"

    def __post_init__(self) -> None:
        for fact in ("name", "reads", "classifies", "judges", "varies", "links", "likelihood"):
            object.__setattr__(self, fact, getattr(self.inner, fact))

    @property
    @override
    def plain(self) -> Loss:
        return replace(self, inner=self.inner.plain, weights="left_out")

    @override
    def of_data(self, y: Tensor) -> Loss:
        return replace(self, inner=self.inner.of_data(self._inside(y)))

    @override
    def check_outputs(self, outputs: int) -> None:
        self.inner.check_outputs(outputs)

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weights(f, y) * self.inner.values(f, self._inside(y))

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weights(f, y)[:, None] * self.inner.residual(f, self._inside(y))

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        return self._weights(f, y)[:, None, None] * self.inner.curvatures(f, self._inside(y))

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        weights, inner = self._weights(f, y)[:, None], self.inner.curvature_map(f, self._inside(y))
        return lambda tangents: weights * inner(tangents)

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        half = self.inner.half_curvature(f, self._inside(y))
        return self._weights(f, y).sqrt()[:, None, None] * half

    @override
    def link(self, f: Tensor) -> Tensor:
        return self.inner.link(f)

    @override
    def fits(self, outputs: int) -> bool:
        return self.inner.fits(outputs)

    @override
    def classes(self, outputs: int) -> int | None:
        return self.inner.classes(outputs)

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        if y.ndim != 2 or y.shape[1] < 2:
            raise ValueError(
                f"Weighted examples need a weight before the target, got {tuple(y.shape)}."
            )
        self.inner.check_targets(f, self._inside(y))

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        own = self._weights(y.double(), y)
        return self.inner.of_best_constant(
            self._inside(y), outputs, own if weights is None else weights * own
        )

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        residual = self.inner.sampled_residual(f, self._inside(y), generator)
        return self._weights(f, y).sqrt()[:, None] * residual

    @override
    def labels(self, y: Tensor) -> Tensor:
        return self.inner.labels(self._inside(y))

    @override
    def dispersion(self, f: Tensor, y: Tensor) -> float:
        return self.inner.dispersion(f, self._inside(y))

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return self.inner.probabilities(f)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return self.inner.predicted(f)

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        return self.inner.margins(f, self._inside(y))

    @override
    def correct(self, f: Tensor, y: Tensor) -> Tensor:
        return self.inner.correct(f, self._inside(y))

    def _weights(self, f: Tensor, y: Tensor) -> Tensor:
        """(n,), in the precision of f."""
        return torch.ones_like(y[:, 0]).to(f) if self.weights == "left_out" else y[:, 0].to(f)

    def _inside(self, y: Tensor) -> Tensor:
        return y[:, 1].long() if self.targets == "labels" else y[:, 1:]
