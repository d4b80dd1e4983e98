"""A data set as the loss sees it: its logits and targets, and everything that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from minimascope.objective.loss import Loss


@dataclass(frozen=True)
class Likelihood:
    """Logits (n × K) and targets of a data set under one loss."""

    loss: Loss
    logits: Tensor
    targets: Tensor

    @property
    def n(self) -> int:
        """Number of examples."""
        return self.logits.shape[0]

    @property
    def outputs(self) -> int:
        """K, the number of logits of an example."""
        return self.logits.shape[1]

    @property
    def plain(self) -> Likelihood:
        """The same examples under the loss that people measure (`Loss.plain`)."""
        return Likelihood(self.loss.plain, self.logits, self.targets)

    @property
    def probabilities(self) -> Tensor:
        """Class probabilities (n × classes); the loss must be a classification."""
        return self.loss.probabilities(self.logits)

    @property
    def correct(self) -> Tensor:
        """Whether the likeliest class is the label (n,), classification only."""
        return self.loss.correct(self.logits, self.targets)

    def nll(self, logits: Tensor | None = None) -> Tensor:
        """Loss of each example (n,) in nats, at other logits where given."""
        return self.loss.values(self.logits if logits is None else logits, self.targets)

    @property
    def residual(self) -> Tensor:
        """∂ℓ/∂f (n × K)."""
        return self.loss.residual(self.logits, self.targets)

    @property
    def curvature(self) -> Tensor:
        """Λ = ∂²ℓ/∂f² (n × K × K)."""
        return self.loss.curvatures(self.logits, self.targets)

    @property
    def half_curvature(self) -> Tensor:
        """W (n × K × m) with W Wᵀ = Λ."""
        return self.loss.half_curvature(self.logits, self.targets)

    def select(self, index: Tensor) -> Likelihood:
        """The same for a subset of examples."""
        return Likelihood(self.loss, self.logits[index], self.targets[index])

    def at(self, logits: Tensor) -> Likelihood:
        """The same examples with other logits."""
        return Likelihood(self.loss, logits, self.targets)
