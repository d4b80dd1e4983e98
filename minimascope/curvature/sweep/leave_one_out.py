"""Approximate leave-one-out (ALO): the logits of each example, had it been left out.

One Newton step from θ without example i, in closed form (docs/mathematics.md, section 3). The exact
routes have all S_i; the matrix-free one solves for examples drawn at random (`matrix_free`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.objective.likelihood import Likelihood

TINY = 1e-300


def leave_one_out(likelihood: Likelihood, scaled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(δf, g_iᵀA⁻¹g_i, leverage) from S_i = J_i A⁻¹ J_iᵀ / n (..., m × K × K); n is the caller's.

    δf_i = S_i (I − Λ_i S_i)⁻¹ r_i, the linearised step from θ to the minimum without example i.
    The second is r_iᵀ S_i r_i, still to be multiplied by n.
    """
    r = likelihood.residual[..., None]
    half = likelihood.half_curvature
    # I − ΛS = I − W (WᵀS): solved through I − WᵀSW, symmetric with eigenvalues in (0, 1].
    WtS = half.mT @ scaled
    N = WtS @ half
    leverage, U = torch.linalg.eigh(0.5 * (N + N.mT))
    inner = WtS @ r
    corrected = U @ ((U.mT @ inner) / (1 - leverage).clamp_min(TINY)[..., None])
    Sr = scaled @ r
    delta = Sr + WtS.mT @ corrected
    return delta[..., 0], (r * Sr).sum(dim=(-2, -1)), leverage[..., -1]
