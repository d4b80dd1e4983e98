"""The cancellation-free residual of the reinforcing gradient.

The label is the network's own class c = argmax f(x). Then r_k = P_k for k ≠ c and
r_c = −Σ_{k≠c} P_k, which has no cancellation, whereas P_c − 1 rounds to 0 at confident inputs
(docs/mathematics.md, section 4). Alignment does not depend on the scale of r, so r is kept as
exp(log_scale) · direction with the largest P_k, k ≠ c, taken out: a gradient of size 1e-300, or
far smaller, keeps its direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Residual:
    """r = exp(log_scale) · direction for m inputs, in float64.

    direction (m, K); log_scale (m,) = max_{k≠c} ln P_k; classes (m,) = c; logit_gap (m,) = the
    top logit minus the second.
    """

    direction: Tensor
    log_scale: Tensor
    classes: Tensor
    logit_gap: Tensor


def own_class_residual(logits: Tensor) -> Residual:
    """Residual at the network's own class for logits (m, K), K ≥ 2; differentiable in `logits`."""
    logits = logits.double()
    log_p = torch.log_softmax(logits, dim=1)
    classes = logits.detach().argmax(dim=1)
    own = torch.nn.functional.one_hot(classes, logits.shape[1]).bool()
    others = log_p.masked_fill(own, -torch.inf)
    # Detached: the alignment is exactly invariant to this scale, so its derivative is too.
    log_scale = others.detach().amax(dim=1)
    share = (others - log_scale[:, None]).exp()
    direction = torch.where(own, -share.sum(dim=1, keepdim=True), share)
    top = logits.detach().topk(2, dim=1).values
    return Residual(direction, log_scale, classes, top[:, 0] - top[:, 1])
