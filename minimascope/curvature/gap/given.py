"""What the result of a gap analysis is made of, and the numbers read directly from its sweep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from minimascope.curvature.gap.hessian_clipped import KnownHessian, scaled_hessian
from minimascope.curvature.gap.result import GapPlan
from minimascope.curvature.gap.training import Training
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.sweep.result import Sweep
from minimascope.curvature.sweep.route import RoutePlan
from minimascope.objective.damping import Damping
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Metric


@dataclass(frozen=True)
class Assembly:
    """Everything already computed that the result is made of."""

    minimum: Minimum
    likelihood: Likelihood
    metric: Metric
    sweep: Sweep
    grid: list[float]
    gradient: Tensor
    hessian: KnownHessian | None
    calibration: Tensor | None
    seed: int
    plan: RoutePlan
    spent: GapPlan
    training: Training

    @cached_property
    def scaled_hessian(self) -> KnownHessian | None:
        """H in the coordinates of the metric, where enough of it is known; not with copies."""
        if self.hessian is None or self.training.copies:
            return None
        return scaled_hessian(self.hessian, self.metric.root)

    @property
    def damping(self) -> Damping:
        """λ_eff, where it comes from, and whether the weights are a minimum."""
        return self.metric.damping

    @property
    def sampled(self) -> Likelihood:
        """The examples of the sweep."""
        return self.likelihood.select(self.sweep.examples)

    @property
    def plain(self) -> Likelihood:
        """The examples of the sweep under the loss whose gap is asked for."""
        return self.sampled.plain

    @property
    def exact(self) -> bool:
        """Whether the sweep covers all examples."""
        return self.sweep.examples.shape[0] == self.likelihood.n

    @property
    def exact_route(self) -> bool:
        """Whether nothing in the sweep is iterative."""
        return self.sweep.settled is None

    def drawn(self, row: int, value: float) -> float | None:
        """A number of a curve; None where an iterative route did not get that far."""
        settled = self.sweep.settled
        return value if settled is None or bool(settled[row]) else None

    def increments(self, row: int) -> Tensor:
        """(m,) leave-one-out minus training loss of each example."""
        plain = self.plain
        return plain.nll(plain.logits + self.sweep.displacement[row]) - plain.nll()

    def tic(self, row: int) -> tuple[Tensor, float]:
        """Uncentred contributions of examples or random signs, and the centring term."""
        n = self.likelihood.n
        return self.sweep.quadratic[row] / n, float(self.sweep.mean_quadratic[row]) / n
