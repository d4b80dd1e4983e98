"""The loss of each example as a function of its logits (docs/mathematics.md, section 1).

cross_entropy: softmax, K logits. binary: logistic, one logit, Λ = P(1 − P). mse: Gaussian with
unit variance, ½‖f − y‖² summed over the K outputs, Λ = I. Losses are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from minimascope.curvature.minimum.batches import outputs_at
from minimascope.curvature.minimum.minimum import Loss, Minimum
from minimascope.objective.losses import curvatures


@dataclass(frozen=True)
class Likelihood:
    """Logits (n × K) of a data set under one loss, and everything that follows from them alone."""

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

    def probabilities(self, logits: Tensor | None = None) -> Tensor:
        """Class probabilities (n × K; n × 2 for one logit); the loss must be a classification."""
        f = self.logits if logits is None else logits
        if self.loss == "binary":
            return torch.cat([torch.sigmoid(-f), torch.sigmoid(f)], dim=1)
        return torch.softmax(f, dim=1)

    def nll(self, logits: Tensor | None = None) -> Tensor:
        """Loss of each example (n,) in nats, at other logits where given."""
        f = self.logits if logits is None else logits
        if self.loss == "cross_entropy":
            return functional.cross_entropy(f, self.targets, reduction="none")
        if self.loss == "binary":
            sign = 1 - 2 * self.targets.to(f.dtype)
            return functional.softplus(sign * f[:, 0])
        return 0.5 * (f - self._values).square().sum(dim=1)

    @property
    def residual(self) -> Tensor:
        """∂ℓ/∂f (n × K); the label's entry is −Σ of the others, so that it never rounds to 0."""
        if self.loss == "mse":
            return self.logits - self._values
        if self.loss == "binary":
            positive = self.targets.to(torch.bool)[:, None]
            return torch.where(positive, -torch.sigmoid(-self.logits), torch.sigmoid(self.logits))
        label = self.targets[:, None]
        others = self.probabilities().scatter(1, label, 0.0)
        return others.scatter(1, label, -others.sum(dim=1, keepdim=True))

    @property
    def curvature(self) -> Tensor:
        """Λ = ∂²ℓ/∂f² (n × K × K)."""
        return curvatures(self.logits, self.loss)

    @property
    def half_curvature(self) -> Tensor:
        """W (n × K × K) with W Wᵀ = Λ; for softmax diag(√P) − P √Pᵀ."""
        f = self.logits
        if self.loss == "mse":
            return torch.eye(self.outputs, dtype=f.dtype, device=f.device).repeat(self.n, 1, 1)
        if self.loss == "binary":
            return (torch.sigmoid(f) * torch.sigmoid(-f)).sqrt()[:, :, None]
        P = self.probabilities()
        return torch.diag_embed(P.sqrt()) - P[:, :, None] * P.sqrt()[:, None, :]

    @property
    def correct(self) -> Tensor:
        """Whether the most probable class is the label (n,), classification only."""
        return self.probabilities().argmax(dim=1) == self.targets

    @property
    def _values(self) -> Tensor:
        return self.targets.reshape(self.logits.shape)

    def select(self, index: Tensor) -> Likelihood:
        """The same for a subset of examples."""
        return Likelihood(self.loss, self.logits[index], self.targets[index])

    def at(self, logits: Tensor) -> Likelihood:
        """The same examples with other logits."""
        return Likelihood(self.loss, logits, self.targets)


def likelihood_of(minimum: Minimum, inputs: Tensor, targets: Tensor) -> Likelihood:
    """Evaluates the network on a data set and checks the targets against the loss.

    Raises ValueError where targets and outputs cannot belong to this loss, naming the value.
    """
    logits = outputs_at(minimum, inputs).reshape(inputs.shape[0], -1)
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("The network's outputs contain NaN or infinity on the given data.")
    _check_targets(minimum.loss, logits, targets)
    return Likelihood(minimum.loss, logits, targets)


def _check_targets(loss: Loss, logits: Tensor, targets: Tensor) -> None:
    n, outputs = logits.shape
    if targets.shape[0] != n:
        raise ValueError(f"{n} inputs came with {targets.shape[0]} targets.")
    if loss == "mse":
        if targets.numel() != n * outputs:
            raise ValueError(f"mse needs {outputs} targets an example, got {tuple(targets.shape)}.")
        return
    if loss == "binary" and outputs != 1:
        raise ValueError(f"The binary loss needs one logit an example; the network has {outputs}.")
    if targets.ndim != 1 or targets.is_floating_point():
        raise ValueError(
            f"{loss} needs integer class labels of shape (n,), got {targets.dtype} of shape "
            f"{tuple(targets.shape)}; smoothed or weighted labels are not handled."
        )
    classes = 2 if loss == "binary" else outputs
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise ValueError(f"Label {bad} is outside 0..{classes - 1}.")
