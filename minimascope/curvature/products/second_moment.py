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
from minimascope.curvature.products.spread import Part, summed

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
        second, trace = summed(MomentSum, self.minimum).sum("along", V, self.seed, self.root)
        return second / self.minimum.n, float(trace) / self.minimum.n

    def times(self, rows: Tensor) -> Tensor:
        """M applied to (b × p) rows: J is made anew each time."""
        over = summed(MomentSum, self.minimum)
        return over.sum("times", rows, self.seed, self.root)[0] / self.minimum.n

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


class MomentSum:
    """Σ u_i u_iᵀ over a part of the examples; seeds (n × K) are those of all examples."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def along(self, V: Tensor, seed: Tensor, root: Tensor | None) -> tuple[Tensor, Tensor]:
        """Σ (u_iᵀv)² of the rows of V, and Σ |u_i|²."""
        second, trace = V.new_zeros(V.shape[0]), V.new_zeros(())
        for G in self._rows(seed, root):
            second += (G @ V.mT).square().sum(dim=0)
            trace += G.square().sum()
        return second, trace

    def times(self, rows: Tensor, seed: Tensor, root: Tensor | None) -> tuple[Tensor]:
        """Applied to (b × p) rows."""
        total = torch.zeros_like(rows)
        for G in self._rows(seed, root):
            total += (rows @ G.mT) @ G
        return (total,)

    def _rows(self, seed: Tensor, root: Tensor | None) -> Iterator[Tensor]:
        first, n = self._part.first, self._part.minimum.n
        for _, (G,) in gradient_rows(self._part.minimum, [seed[first : first + n]]):
            yield G if root is None else G * root
