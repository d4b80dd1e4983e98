"""Any criterion of a training script as a loss: derivatives by autograd, example by example."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import grad, hessian, vmap
from typing_extensions import override  # comes with torch

from minimascope.objective.loss import CurvatureMap, Loss, LossName, TargetKind, check_count

Function = Callable[[Any, Any], Any]
NO_ROOT = "A criterion of your own is not known to be a likelihood, which this estimate needs."


@dataclass(frozen=True)
class Criterion(Loss):
    """ℓ = function(outputs, target) of one example, which is a mean or a sum over examples.

    shape: of an example's outputs, as the function takes them; classes_told: how many classes the
    outputs tell apart, None where targets are no class numbers.
    """

    function: Function
    shape: tuple[int, ...]
    classes_told: int | None = None

    name: ClassVar[LossName] = "custom"
    reads: ClassVar[TargetKind] = "anything"
    classifies: ClassVar[bool] = False
    judges: ClassVar[bool] = False
    likelihood: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for fact in ("classifies", "judges"):
            object.__setattr__(self, fact, self.classes_told is not None)

    @override
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        found: Tensor = vmap(self._one)(f, y)
        return found

    @override
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        found: Tensor = vmap(grad(self._one))(f, y)
        return found

    @override
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        found: Tensor = vmap(hessian(self._one))(f, y)
        return found

    @override
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        Lambda = self.curvatures(f, y)
        return lambda tangents: torch.einsum("nij,bnj->bni", Lambda, tangents)

    @override
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        raise ValueError(NO_ROOT)

    @override
    def link(self, f: Tensor) -> Tensor:
        return f

    @override
    def fits(self, outputs: int) -> bool:
        return True

    @override
    def classes(self, outputs: int) -> int | None:
        return self.classes_told

    @override
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        check_count(f, y)

    @override
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        """Not known of it: infinite, so that no network is worse."""
        return math.inf

    @override
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        raise ValueError(NO_ROOT)

    @override
    def labels(self, y: Tensor) -> Tensor:
        return y.reshape(-1) if self.classes_told else super().labels(y)

    @override
    def probabilities(self, f: Tensor) -> Tensor:
        return torch.softmax(f, dim=1) if self.classes_told else super().probabilities(f)

    @override
    def predicted(self, f: Tensor) -> Tensor:
        return f.argmax(1) if self.classes_told else super().predicted(f)

    @override
    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        if not self.classes_told:
            return super().margins(f, y)
        label = self.labels(y)[:, None]
        rest = f.scatter(1, label, -math.inf).amax(dim=1)
        return f.gather(1, label)[:, 0] - rest

    def _one(self, f: Tensor, y: Tensor) -> Tensor:
        """One example as a batch of one: ()."""
        found: Tensor = self.function(f.reshape(1, *self.shape), y[None])
        return found.reshape(())
