"""K yes-or-no labels an example: independent Bernoulli laws of K logits, their mean over K.

With weights p of the positives: r = ((1−y)σ − p y (1−σ))/K, Λ = diag(((1−y) + p y) σ(1−σ))/K.
torch's BCEWithLogitsLoss is a mean over n × K too. Labels between 0 and 1 are soft ones.
"""

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
    check_weights,
    mass_entropy,
)


@dataclass(frozen=True)
class MultiLabel(Loss):
    """ℓ = (1/K) Σ_k of the logistic losses; its accuracy is the share of all n × K labels."""

    pos_weight: tuple[float, ...] | None = None

    name: ClassVar[LossName] = "multilabel"
    reads: ClassVar[TargetKind] = "shares"
    classifies: ClassVar[bool] = False
    judges: ClassVar[bool] = True
    links: ClassVar[tuple[OutputLinkName, ...]] = ("Sigmoid",)

    def __post_init__(self) -> None:
        check_weights("pos_weight", self.pos_weight)

    @property
    @override
    def plain(self) -> Loss:
        return MultiLabel()

    @override
    def check_outputs(self, outputs: int) -> None:
        if self.pos_weight is not None and len(self.pos_weight) not in (1, outputs):
            raise ValueError(
                f"{len(self.pos_weight)} weights of positives came for a network of {outputs} "
                "outputs."
            )

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        negative, positive = self._masses(f, y)
        return (negative * functional.softplus(f) + positive * functional.softplus(-f)).mean(1)

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        negative, positive = self._masses(f, y)
        return (negative * torch.sigmoid(f) - positive * torch.sigmoid(-f)) / f.shape[1]

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        return torch.diag_embed(self._curvature(f, y))

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        weight = self._curvature(f, y)
        return lambda tangents: weight * tangents

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        return torch.diag_embed(self._curvature(f, y).sqrt())

    @override
    def link(self, f: Tensor) -> Tensor:
        return torch.sigmoid(f)

    @override
    def fits(self, outputs: int) -> bool:
        return True

    @override
    def classes(self, outputs: int) -> int | None:
        return None

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)
        self.check_outputs(f.shape[1])
        if y.numel() != f.numel():
            raise ValueError(
                f"multilabel needs {f.shape[1]} labels an example, got {tuple(y.shape)}."
            )
        outside = y[(y < 0) | (y > 1)]
        if outside.numel():
            raise ValueError(f"Label {float(outside[0]):g} is outside 0..1.")

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        zeros = torch.zeros(y.shape[0], outputs, dtype=torch.float64, device=y.device)
        masses = torch.stack(self._masses(zeros, y), dim=-1)
        masses = masses if weights is None else weights.double()[:, None, None] * masses
        return float(mass_entropy(masses.mean(0)).mean())

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.bernoulli(torch.sigmoid(f).cpu(), generator=generator).to(f)
        residual = (1 - drawn) * torch.sigmoid(f) - drawn * torch.sigmoid(-f)
        negative, positive = self._masses(f, y)
        return residual * ((negative + positive) / f.shape[1]).sqrt()

    @override
    def correct(self, f: Tensor, y: Tensor) -> Tensor:
        right = (f > 0) == (y.reshape(f.shape) > 0.5)
        return right.to(f.dtype).mean(1)

    def _masses(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """On no and on yes (n × K each), before the mean over K."""
        positive = y.reshape(f.shape).to(f.dtype)
        if self.pos_weight is None:
            return 1 - positive, positive
        weights = torch.tensor(self.pos_weight, dtype=f.dtype, device=f.device)
        return 1 - positive, weights * positive

    def _curvature(self, f: Tensor, y: Tensor) -> Tensor:
        """The diagonal of Λ (n × K)."""
        negative, positive = self._masses(f, y)
        return (negative + positive) * torch.sigmoid(f) * torch.sigmoid(-f) / f.shape[1]
