"""Losses on logits: value, residual and curvature per example (docs/mathematics.md, section 1).

All take logits f (n × K) and targets; `binary` has K = 1 and P = σ(f); `mse` is ½‖f − y‖², the
negative log-likelihood of a unit-variance Gaussian without its constant. Values are in nats.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from minimascope.curvature.minimum.minimum import Loss, Minimum


def as_matrix(logits: Tensor) -> Tensor:
    """Logits as n × K, so that a binary network may return shape (n,)."""
    return logits.reshape(logits.shape[0], -1)


def example_losses(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """ℓ_i, shape (n,), in nats."""
    if loss == "cross_entropy":
        return functional.cross_entropy(logits, targets, reduction="none")
    if loss == "binary":
        signs = 2 * targets.reshape(-1).to(logits.dtype) - 1
        return functional.softplus(-signs * logits.reshape(-1))
    return 0.5 * (logits - targets.reshape(logits.shape)).square().sum(1)


def residuals(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """r_i = ∂ℓ_i/∂f_i, shape (n, K), without the cancellation of P_c − 1 at confident minima."""
    if loss == "cross_entropy":
        chosen = functional.one_hot(targets, logits.shape[1]).bool()
        others = functional.softmax(logits, dim=1).masked_fill(chosen, 0)
        return torch.where(chosen, -others.sum(1, keepdim=True), others)
    if loss == "binary":
        signs = (2 * targets.reshape(-1, 1).to(logits.dtype)) - 1
        return -signs * torch.sigmoid(-signs * logits)
    return logits - targets.reshape(logits.shape)


def curvatures(logits: Tensor, loss: Loss) -> Tensor:
    """Λ_i = ∂²ℓ_i/∂f_i², shape (n, K, K)."""
    if loss == "cross_entropy":
        probabilities = functional.softmax(logits, dim=1)
        outer = probabilities[:, :, None] * probabilities[:, None, :]
        # P_c(1 − P_c) as a sum over the other classes keeps its digits when P_c rounds to 1.
        off_diagonal = outer - torch.diag_embed(torch.diagonal(outer, dim1=1, dim2=2))
        return torch.diag_embed(off_diagonal.sum(2)) - off_diagonal
    if loss == "binary":
        return (torch.sigmoid(logits) * torch.sigmoid(-logits))[:, :, None]
    n, width = logits.shape
    return torch.eye(width, dtype=logits.dtype, device=logits.device).expand(n, width, width)


def curvature_map(logits: Tensor, loss: Loss) -> Callable[[Tensor], Tensor]:
    """The map (b, n, K) ↦ Λ_i times each, without forming Λ and as free of cancellation."""
    if loss == "mse":
        return lambda tangents: tangents
    if loss == "binary":
        weight = torch.sigmoid(logits) * torch.sigmoid(-logits)
        return lambda tangents: weight * tangents
    P = functional.softmax(logits, dim=1)
    likeliest = logits.argmax(1)[:, None]

    def times(tangents: Tensor) -> Tensor:
        # Λx = P ⊙ (x − Σ P x) does not change with x − x_c; seen from the likeliest class c the
        # mean is small where P_c is near 1, and nothing cancels.
        apart = tangents - tangents.gather(2, likeliest.expand(tangents.shape[0], -1, 1))
        return P * (apart - (P * apart).sum(2, keepdim=True))

    return times


def sampled_residuals(logits: Tensor, loss: Loss, *, seed: int) -> Tensor:
    """Residuals at one label per example drawn from the model's own distribution, (n, K)."""
    generator = torch.Generator(device=logits.device).manual_seed(seed)
    if loss == "cross_entropy":
        probabilities = functional.softmax(logits, dim=1)
        labels = torch.multinomial(probabilities, 1, generator=generator).reshape(-1)
        return residuals(logits, labels, loss)
    if loss == "binary":
        labels = torch.bernoulli(torch.sigmoid(logits), generator=generator)
        return residuals(logits, labels, loss)
    return torch.randn(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)


def check_minimum(minimum: Minimum) -> None:
    """Raises ValueError with one sentence where the minimum cannot be analysed."""
    if minimum.dim == 0:
        raise ValueError("The network has no trainable parameters.")
    if minimum.n == 0:
        raise ValueError("The training set has no examples.")
    for name, tensor in minimum.unflatten(minimum.theta).items():
        if not torch.isfinite(tensor).all():
            bad = int((~torch.isfinite(tensor)).sum())
            raise ValueError(f"Parameter {name!r} holds {bad} values that are not finite.")
    if minimum.inputs.is_floating_point() and not torch.isfinite(minimum.inputs).all():
        raise ValueError("The training inputs hold values that are not finite.")
