"""What a loss is: a function of each example's logits with two derivatives, and a law of targets.

A new loss is a new file with a frozen dataclass, and a line in `named`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

LossName = Literal["cross_entropy", "binary", "multilabel", "mse", "torch_mse"]
CurvatureMap = Callable[[Tensor], Tensor]


class Loss(ABC):
    """ℓ(f, y) of n examples with logits f (n × K) and targets y (one row an example), in nats.

    The objective is the mean of `values` over the training examples: a loss that is normalised
    by something else, a sum of weights say, has that factor in its values. Curvatures see the
    targets too, because targets may carry mass. `classifies`: every example is put in one of the
    classes. `varies`: the law has a variance of its own, which the targets' noise tells; a
    temperature has no meaning there.
    """

    name: ClassVar[LossName]
    classifies: ClassVar[bool]
    varies: ClassVar[bool] = False

    @abstractmethod
    def values(self, f: Tensor, y: Tensor) -> Tensor:
        """ℓ_i (n,)."""

    def mean(self, f: Tensor, y: Tensor) -> Tensor:
        """The objective without its penalty: the mean of `values`."""
        return self.values(f, y).mean()

    @abstractmethod
    def residual(self, f: Tensor, y: Tensor) -> Tensor:
        """∂ℓ_i/∂f_i (n × K), without the cancellation of P_c − 1 at confident minima."""

    @abstractmethod
    def curvatures(self, f: Tensor, y: Tensor) -> Tensor:
        """Λ_i = ∂²ℓ_i/∂f_i² (n × K × K)."""

    @abstractmethod
    def curvature_map(self, f: Tensor, y: Tensor) -> CurvatureMap:
        """The map (b, n, K) ↦ Λ_i times each, without forming Λ and as free of cancellation."""

    @abstractmethod
    def half_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        """W_i (n × K × m) with W Wᵀ = Λ."""

    @abstractmethod
    def link(self, f: Tensor) -> Tensor:
        """The mean of the law that logits stand for (n × K)."""

    @abstractmethod
    def fits(self, outputs: int) -> bool:
        """Whether networks of so many outputs can be trained with it."""

    @abstractmethod
    def classes(self, outputs: int) -> int | None:
        """How many classes a network of so many outputs tells apart; None where it does not."""

    @abstractmethod
    def check_targets(self, f: Tensor, y: Tensor) -> None:
        """Raises ValueError, naming the value, where targets and logits cannot belong together."""

    @abstractmethod
    def of_best_constant(self, y: Tensor) -> float:
        """Mean loss of the best logits that are the same for every example: that of guessing."""

    def sampled_residual(self, f: Tensor, generator: torch.Generator) -> Tensor:
        """Residuals (n × K) at one target an example drawn from the model's own law."""
        drawn = torch.multinomial(self.probabilities(f).cpu(), 1, generator=generator)
        return self.residual(f, drawn[:, 0].to(f.device))

    def probabilities(self, f: Tensor) -> Tensor:
        """Probability of each class (n × classes); losses that classify alone have it."""
        raise TypeError(f"The loss {self.name} has no class probabilities.")

    def predicted(self, f: Tensor) -> Tensor:
        """The likeliest class (n,); losses that classify alone have it."""
        raise TypeError(f"The loss {self.name} predicts no class.")

    def margins(self, f: Tensor, y: Tensor) -> Tensor:
        """Logit of the label minus the largest other (n,); losses that classify alone have it."""
        raise TypeError(f"The loss {self.name} has no label to tell a margin of.")

    def correct(self, f: Tensor, y: Tensor) -> Tensor:
        """Whether the likeliest class is the label (n,)."""
        return self.predicted(f) == y.reshape(-1)


def check_count(f: Tensor, y: Tensor) -> None:
    """Raises ValueError where there is not one target an example."""
    if y.shape[0] != f.shape[0]:
        raise ValueError(f"{f.shape[0]} inputs came with {y.shape[0]} targets.")


def check_labels(name: str, y: Tensor, classes: int) -> None:
    """Raises ValueError, naming the value, where targets are not class labels 0 … classes − 1."""
    if y.ndim != 1 or y.is_floating_point():
        raise ValueError(
            f"{name} needs integer class labels of shape (n,), got {y.dtype} of shape "
            f"{tuple(y.shape)}; smoothed or weighted labels are not handled."
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise ValueError(f"Label {bad} is outside 0..{classes - 1}.")


def label_entropy(y: Tensor) -> float:
    """Entropy (nats) of how often each label comes."""
    shares = torch.bincount(y.reshape(-1).long()).double() / y.shape[0]
    return -float(torch.xlogy(shares, shares).sum())
