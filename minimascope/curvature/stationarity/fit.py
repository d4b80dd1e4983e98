"""Whether a gradient vanishes for some size of a penalty: least squares in few unknowns.

The gradient of an objective is linear in most of what people may have left out: the weight decay,
label smoothing, the weight of positives or of a class. So one least-squares problem over the
parameters finds the sizes, and its residual says whether there is such an objective at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# A gradient below this share of the penalty's pull is that of a minimum (docs/mathematics.md).
STATIONARY = 0.05
# How likely a random gradient may be to vanish so far: of few parameters more is asked.
CHANCE = 1e-3


@dataclass(frozen=True)
class Fit:
    """Sizes of the unknowns, and ‖gradient‖ over the penalty's pull with them.

    `free`: parameters that the unknowns were not needed for.
    """

    sizes: list[float]
    ratio: float
    free: int

    @property
    def stationary(self) -> bool:
        """Whether these weights are at the minimum of the objective with these sizes.

        A random gradient falls below the share t by chance with about t to the power of `free`.
        """
        if self.free < 1:
            return False
        return self.ratio < min(STATIONARY, CHANCE ** (1 / self.free))


def fitted(gradient: Tensor, pull: Tensor, others: list[Tensor]) -> Fit:
    """min ‖gradient + λ·pull + Σ x_j others_j‖ over λ and x; sizes are [λ, x...].

    All (p,). The ratio is that norm over ‖λ·pull‖; infinite where λ is not above 0.
    """
    columns = torch.stack([pull, *others], dim=1).double().cpu()
    gradient = gradient.double().cpu()
    scales = columns.norm(dim=0).clamp_min(torch.finfo(columns.dtype).tiny)
    found = torch.linalg.lstsq(columns / scales, -gradient[:, None], driver="gelsd").solution[:, 0]
    sizes = found / scales
    left = float((gradient + columns @ sizes).norm())
    held = float(sizes[0]) * float(pull.norm())
    free = int((columns.abs().sum(dim=1) + gradient.abs() > 0).sum()) - columns.shape[1]
    return Fit(sizes.tolist(), left / held if held > 0 else math.inf, free)
