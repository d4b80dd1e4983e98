"""What torch writes in place, as new values: a functionalised program's own operators.

The kernels of torch do not take them for every example at once (torch.func.vmap), or fail there.
"""

from __future__ import annotations

import torch
from torch import Tensor


def copy(x: Tensor, source: Tensor, _non_blocking: bool = False) -> Tensor:
    """x with all of it written over: the source in its shape and kind."""
    return source.to(x.dtype).broadcast_to(x.shape)


def slice_scatter(
    x: Tensor,
    source: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """x with x[start:end:step] of one axis written over."""
    size = x.shape[dim]
    written = torch.arange(size, device=x.device)[start:end:step]
    if not len(written):
        return x
    place = torch.zeros(size, dtype=torch.long, device=x.device)
    place = place.index_copy(0, written, torch.arange(len(written), device=x.device))
    over = torch.zeros(size, dtype=torch.bool, device=x.device).index_fill(0, written, True)
    shape = list(x.shape)
    shape[dim] = len(written)
    taken = source.to(x.dtype).broadcast_to(shape).index_select(dim, place)
    after = x.ndim - 1 - dim % x.ndim
    return torch.where(over.reshape(-1, *[1] * after), taken, x)


def index_put(
    x: Tensor, indices: list[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """x with x[indices] written over; where a mask chooses what gets one value, by that choice."""
    mask = indices[0] if len(indices) == 1 else None
    if mask is not None and mask.dtype == torch.bool and values.numel() == 1:
        chosen = mask.reshape(*mask.shape, *[1] * (x.ndim - mask.ndim))
        one = values.reshape(()).to(x.dtype)
        return torch.where(chosen, x + one if accumulate else one, x)
    return torch.ops.aten.index_put(x, indices, values, accumulate)
