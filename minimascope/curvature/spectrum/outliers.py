"""How many eigenvalues stand out: two rules that often disagree, so both are reported."""

from __future__ import annotations

import torch
from torch import Tensor


def outliers_by_ratio(eigenvalues: Tensor, q: float = 0.1) -> int:
    """Number of eigenvalues above q·λ1 (descending (k,) input; 0 where λ1 ≤ 0).

    Exact only if the list reaches down to q·λ1; a count equal to k is then a lower bound.
    """
    if not 0 < q < 1:
        raise ValueError(f"The outlier ratio q is {q}; it must lie between 0 and 1.")
    values = eigenvalues.double()
    if values.numel() == 0 or float(values[0]) <= 0:
        return 0
    return int((values > q * values[0]).sum())


def outliers_by_gap(eigenvalues: Tensor, classes: int) -> int:
    """Position of the largest ratio λ_j/λ_{j+1} among the top 2K + 10 positive eigenvalues.

    0 where fewer than two are positive. The ratio is taken between consecutive eigenvalues of a
    descending (k,) list, K being the number of classes.
    """
    top = eigenvalues.double()[: 2 * classes + 10]
    top = top[top > 0]
    if top.numel() < 2:
        return 0
    return int(torch.argmax(top[:-1] / top[1:])) + 1
