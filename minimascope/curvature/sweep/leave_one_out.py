"""Approximate leave-one-out (ALO): the logits of each example, had it been left out.

One Newton step from θ without example i, in closed form (docs/mathematics.md, section 3). The exact
routes have all S_i; the matrix-free one solves for examples drawn at random (`matrix_free`). Copies
of one original are left out together: their logits are one long row, and Λ is block-diagonal.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from minimascope.objective.likelihood import Likelihood

TINY = 1e-300


class LeftOut(NamedTuple):
    """Of u units with K logits a copy, for whatever (...) S was given for.

    displacement (..., u × K) δf of the first copy; quadratic (..., u) its r_iᵀ S_i r_i, still to be
    multiplied by the number of units; leverage (..., u) the largest; rank (..., u) tr(ΛS).
    """

    displacement: Tensor
    quadratic: Tensor
    leverage: Tensor
    rank: Tensor


def leave_one_out(likelihood: Likelihood, scaled: Tensor, *, copies: int = 1) -> LeftOut:
    """From S_u = J_u A⁻¹ J_uᵀ / n (..., u × cK × cK) of units of c examples; n is the caller's.

    δf = S (I − ΛS)⁻¹ r, the linearised step from θ to the minimum without the unit.
    """
    r, half = _together(likelihood, copies)
    # I − ΛS = I − W (WᵀS): solved through I − WᵀSW, symmetric with eigenvalues in (0, 1].
    WtS = half.mT @ scaled
    N = WtS @ half
    leverage, U = torch.linalg.eigh(0.5 * (N + N.mT))
    inner = WtS @ r
    corrected = U @ ((U.mT @ inner) / (1 - leverage).clamp_min(TINY)[..., None])
    Sr = scaled @ r
    delta = Sr + WtS.mT @ corrected
    first = likelihood.outputs
    quadratic = (r * Sr)[..., :first, :].sum(dim=(-2, -1))
    return LeftOut(delta[..., :first, 0], quadratic, leverage[..., -1], leverage.sum(dim=-1))


def _together(likelihood: Likelihood, copies: int) -> tuple[Tensor, Tensor]:
    """r (u × cK × 1) and W (u × cK × cm) of units whose copies come one after another."""
    r, half = likelihood.residual, likelihood.half_curvature
    if copies == 1:
        return r[..., None], half
    K, m = half.shape[1:]
    blocks = half.view(-1, copies, K, m)
    whole = half.new_zeros(blocks.shape[0], copies, K, copies, m)
    for c in range(copies):
        whole[:, c, :, c] = blocks[:, c]
    return r.reshape(-1, copies * K, 1), whole.view(-1, copies * K, copies * m)
