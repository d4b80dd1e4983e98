"""What a loss is: a function of each example's logits with two derivatives, and a law of targets.

A new loss is a new file with a frozen dataclass, and a line in `named`. Networks give logits:
where one ends in a link of its own (sigmoid, softmax), that is taken off before it comes here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

LossName = Literal["cross_entropy", "binary", "multilabel", "mse", "torch_mse", "custom"]
# Of targets: one class, one class or shares of all, a class for every position, a share for every
# output, any numbers, or whatever the criterion takes.
TargetKind = Literal[
    "class", "class_or_shares", "labels_of_positions", "shares", "numbers", "anything"
]
# Layers of torch by which people's networks turn logits into what their loss takes.
OutputLinkName = Literal["Sigmoid", "Softmax", "LogSoftmax"]
CurvatureMap = Callable[[Tensor], Tensor]


class Loss(ABC):
    """ℓ(f, y) of n examples with logits f (n × K) and targets y (one row an example), in nats.

    The objective is the mean of `values` over the training examples: a loss that is normalised
    by something else, a sum of weights say, has that factor in its values, once `of_data` has seen
    the targets. Curvatures see the targets too, because targets may carry mass. `classifies`:
    every example is put in one of the classes. `judges`: predictions are right or wrong, so there
    is an accuracy. `varies`: the law has a variance of its own, which the targets' noise tells; a
    temperature has no meaning there. `links`: layers whose inputs are its logits. `likelihood`: the
    loss is −log of a law of targets, or weighted sums of such, so Λ has a root.

    Values are frozen and their repr tells them apart: kept state goes by it.
    """

    name: ClassVar[LossName]
    reads: ClassVar[TargetKind]
    classifies: ClassVar[bool]
    judges: ClassVar[bool]
    varies: ClassVar[bool] = False
    likelihood: ClassVar[bool] = True
    links: ClassVar[tuple[OutputLinkName, ...]] = ()

    @property
    def plain(self) -> Loss:
        """The loss that people measure, whose gap is asked for, on the same logits and targets.

        No smoothing, no weight of a class or an example; soft labels keep the cross-entropy to
        them; torch's MSE stays itself. It equals `self` where nothing was added. A gap of it is
        `likelihood.plain.nll(f + δf) − likelihood.plain.nll()`, the step δf being that of the
        trained loss (`Likelihood.plain`).
        """
        return self

    def of_data(self, y: Tensor) -> Loss:
        """The same loss normalised for the mean over these targets.

        Raises ValueError where no example would count.
        """
        return self

    def check_outputs(self, outputs: int) -> None:  # noqa: B027  # most losses take any number
        """Raises ValueError where weights given are not one for each of so many outputs."""

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
    def of_best_constant(self, y: Tensor, outputs: int, weights: Tensor | None = None) -> float:
        """Mean loss of the best logits that are the same for every example: that of guessing.

        `weights` (n,) multiply the examples' losses.
        """

    @abstractmethod
    def sampled_residual(self, f: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """Residuals (n × K) of mean 0 and covariance Λ at targets drawn from the model's own law.

        For a likelihood these are its residuals at one drawn target an example; where a loss is m
        times one, they are √m times those, so that the mean of their Fisher matrix is the GGN.
        """

    def labels(self, y: Tensor) -> Tensor:
        """The class of each example (n,), of soft labels the largest; losses that classify."""
        raise TypeError(f"The loss {self.name} has no class labels.")

    def dispersion(self, f: Tensor, y: Tensor) -> float:
        """T whose power 1/T of exp(−ℓ), as a density of targets, fits best; where `varies`."""
        raise TypeError(f"The loss {self.name} has no variance of its own.")

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
        """Whether the likeliest class is the label (n,), or the share of an example's labels."""
        return self.predicted(f) == self.labels(y)


def check_count(f: Tensor, y: Tensor) -> None:
    """Raises ValueError where there is not one target an example."""
    if y.shape[0] != f.shape[0]:
        raise ValueError(f"{f.shape[0]} inputs came with {y.shape[0]} targets.")


def check_labels(name: str, y: Tensor, classes: int) -> None:
    """Raises ValueError, naming the value, where targets are not class labels 0 … classes − 1."""
    if y.ndim != 1 or y.is_floating_point():
        raise ValueError(
            f"{name} needs integer class labels of shape (n,), got {y.dtype} of shape "
            f"{tuple(y.shape)}."
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise ValueError(f"Label {bad} is outside 0..{classes - 1}.")


def check_weights(what: str, weights: Sequence[float] | None, *, least: float = 0.0) -> None:
    """Raises ValueError where weights are not finite, below `least`, or none is positive."""
    for place, weight in enumerate(weights or ()):
        if not math.isfinite(weight) or weight < least:
            raise ValueError(f"{what}[{place}] = {weight} is no weight.")
    if weights is not None and not any(weight > 0 for weight in weights):
        raise ValueError(f"{what} has no positive weight.")


def label_entropy(y: Tensor) -> float:
    """Entropy (nats) of how often each label comes."""
    shares = torch.bincount(y.reshape(-1).long()).double() / y.shape[0]
    return -float(torch.xlogy(shares, shares).sum())


def mass_entropy(a: Tensor) -> Tensor:
    """−Σ a log(a/|a|) over the last axis, the loss of the best constant for mean masses a."""
    return torch.xlogy(a.sum(-1), a.sum(-1)) - torch.xlogy(a, a).sum(-1)
