"""Second moments (1/n) Σ u_i u_iᵀ of example gradients u_i = J_iᵀ s_i, seeds s_i on the logits.

With the residuals of the training labels they are C, with residuals sampled from the model's own
law the sampled Fisher (`fisher`). Rows u_i are made from J, some examples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from minimascope.curvature.layers.jacobian import jacobian_chunks
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.operator import Operator, operator_like

Centring = Literal["centred", "uncentred"]


def gradient_rows(
    minimum: Minimum, seeds: Sequence[Tensor]
) -> Iterator[tuple[slice, list[Tensor]]]:
    """Rows u_i (m × p) of chunks of examples, a tensor for each of several seeds (n × K)."""
    for at, J in jacobian_chunks(minimum, minimum.inputs, outputs=seeds[0].shape[1]):
        yield at, [(s[at, None] @ J)[:, 0] for s in seeds]


@dataclass(frozen=True)
class SecondMoment:
    """M = (1/n) Σ u_i u_iᵀ of the rows of one seed (n × K), u_i times `root` (p,) or not."""

    minimum: Minimum
    seed: Tensor
    root: Tensor | None = None

    def along(self, V: Tensor) -> tuple[Tensor, float]:
        """vᵀMv of the rows of V (r × p), and tr M, in one pass."""
        second, trace = V.new_zeros(V.shape[0]), 0.0
        for G in self._rows():
            second += (G @ V.mT).square().sum(dim=0) / self.minimum.n
            trace += float(G.square().sum()) / self.minimum.n
        return second, trace

    def times(self, rows: Tensor) -> Tensor:
        """M applied to (b × p) rows: J is made anew each time."""
        total = torch.zeros_like(rows)
        for G in self._rows():
            total += (rows @ G.mT) @ G
        return total / self.minimum.n

    def _rows(self) -> Iterator[Tensor]:
        for _, (G,) in gradient_rows(self.minimum, [self.seed]):
            yield G if self.root is None else G * self.root

    def operator(self, name: str) -> Operator:
        """M as an operator."""
        return operator_like(self.minimum.theta, self.times, name)


def gradient_second_moment(minimum: Minimum, centring: Centring = "uncentred") -> Operator:
    """C = (1/n) Σ g_i g_iᵀ with g_i = J_iᵀ r_i; `centred` subtracts ḡḡᵀ."""
    residual = likelihood_of(minimum, minimum.inputs, minimum.targets).residual
    moment = SecondMoment(minimum, residual)
    if centring == "uncentred":
        return moment.operator("gradient second moment")
    mean = mean_gradient(minimum)

    def apply(rows: Tensor) -> Tensor:
        return moment.times(rows) - (rows @ mean)[:, None] * mean

    return operator_like(mean, apply, "gradient covariance")
