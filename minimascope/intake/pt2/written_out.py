"""Operators written out in plain arithmetic: torch's own kernels have no second derivative.

Arguments are those of aten's operators of the same names.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

SUM, MEAN = 0, 1  # modes of embedding_bag; 2 is the maximum
BILINEAR, NEAREST = 0, 1  # modes of grid_sample; 2 is bicubic
ZEROS, BORDER = 0, 1  # its padding; 2 reflects


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = SUM,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sum, mean or maximum of each bag's rows (bags × d); the bag of each index, bags' sizes."""
    starts = offsets[:-1] if include_last_offset else offsets
    places = torch.arange(indices.shape[0], device=indices.device)
    bag = torch.searchsorted(starts.contiguous(), places, right=True) - 1
    padded = padding_idx is not None and padding_idx >= 0
    kept = indices != padding_idx if padded else torch.ones_like(indices, dtype=torch.bool)
    sizes = torch.zeros_like(starts).index_add(0, bag, kept.to(starts.dtype))
    rows = weight[indices]
    if per_sample_weights is not None:
        rows = rows * per_sample_weights[:, None]
    empty = rows.new_zeros(starts.shape[0], weight.shape[1])
    if mode in (SUM, MEAN):
        found = empty.index_add(0, bag, torch.where(kept[:, None], rows, 0.0))
        if mode == MEAN:
            found = found / sizes.clamp_min(1)[:, None]
        return found, bag, sizes, sizes
    low = torch.where(kept[:, None], rows, -torch.inf)
    at = bag[:, None].expand_as(rows)
    most = torch.full_like(empty, -torch.inf).scatter_reduce(0, at, low, "amax")
    return torch.where(sizes[:, None] > 0, most, 0.0), bag, sizes, sizes


def grid_sampler(
    values: Tensor, grid: Tensor, mode: int, padding: int, align_corners: bool
) -> Tensor:
    """Values (n × c × H × W, or with a depth) at the places of the grid (n × … × 2 or 3)."""
    if mode not in (BILINEAR, NEAREST):
        return _bicubic(values, grid, padding, align_corners)
    sizes = values.shape[2:]
    # The grid's last axis runs the other way round: x, y, z.
    places = [
        _padded(_place(grid[..., axis], size, align_corners), size, padding, align_corners)
        for axis, size in enumerate(reversed(sizes))
    ][::-1]
    if mode == NEAREST:
        return _at(values, [place.round() for place in places])
    low = [place.floor().detach() for place in places]
    found = torch.zeros_like(_at(values, low))
    for corner in itertools.product((0, 1), repeat=len(sizes)):
        share = torch.ones_like(places[0])
        for step, place, start in zip(corner, places, low, strict=True):
            share = share * ((place - start) if step else (1 - (place - start)))
        here = [start + step for step, start in zip(corner, low, strict=True)]
        found = found + _at(values, here) * share[:, None]
    return found


def _bicubic(values: Tensor, grid: Tensor, padding: int, align_corners: bool) -> Tensor:
    """The 4 × 4 pixels around each place, by the cubic convolution of Keys (1981) with a = −3/4."""
    sizes = values.shape[2:]
    exact = [_place(grid[..., 1 - axis], sizes[axis], align_corners) for axis in (0, 1)]
    low = [place.floor().detach() for place in exact]
    shares = [_cubic(place - start) for place, start in zip(exact, low, strict=True)]
    found = torch.zeros_like(_at(values, low))
    for steps in itertools.product(range(4), repeat=2):
        here = [
            _padded(start + (step - 1), size, padding, align_corners)
            for start, step, size in zip(low, steps, sizes, strict=True)
        ]
        share = shares[0][steps[0]] * shares[1][steps[1]]
        found = found + _at(values, here) * share[:, None]
    return found


def _cubic(t: Tensor, a: float = -0.75) -> list[Tensor]:
    """Weights of the pixels at −1, 0, 1 and 2 from the one below, for a place t above it."""

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _place(x: Tensor, size: int, align_corners: bool) -> Tensor:
    """−1 … 1 as pixels."""
    return (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2


def _padded(x: Tensor, size: int, padding: int, align_corners: bool) -> Tensor:
    if padding == ZEROS:
        return x
    if padding != BORDER:
        low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        span = high - low
        if span == 0:
            return torch.zeros_like(x)
        away = (x - low).abs()
        turns = (away / span).floor().detach()
        rest = away - turns * span
        x = torch.where(turns.remainder(2) == 0, rest + low, span - rest + low)
    return x.clamp(0, size - 1)


def _at(values: Tensor, places: list[Tensor]) -> Tensor:
    """The values at whole places (n × …), zero outside: n × c × …"""
    n, sizes = values.shape[0], values.shape[2:]
    inside = torch.ones_like(places[0], dtype=torch.bool)
    index = torch.zeros_like(places[0], dtype=torch.long)
    for place, size in zip(places, sizes, strict=True):
        inside = inside & (place >= 0) & (place <= size - 1)
        index = index * size + place.clamp(0, size - 1).long()
    flat = values.flatten(2)
    taken = flat.gather(2, index.reshape(n, 1, -1).expand(-1, values.shape[1], -1))
    return taken.reshape(n, values.shape[1], *index.shape[1:]) * inside[:, None]


def logcumsumexp(x: Tensor, dim: int) -> Tensor:
    """log Σ_{j ≤ i} exp x_j along one axis."""
    most = x.detach().amax(dim, keepdim=True)
    return most + (x - most).exp().cumsum(dim).log()


def cdist(x: Tensor, y: Tensor, p: float = 2.0, _compute_mode: int | None = None) -> Tensor:
    """Distances ‖x_i − y_j‖_p (… × rows × rows); the derivative at distance 0 is 0."""
    apart = x[..., :, None, :] - y[..., None, :, :]
    if p == 0:
        return (apart != 0).to(x.dtype).sum(-1)
    size = apart.abs()
    if math.isinf(p):
        return size.amax(-1)
    if p == 1:
        return size.sum(-1)
    zero = size == 0
    total = torch.where(zero, 1.0, size).pow(p).masked_fill(zero, 0.0).sum(-1)
    same = total == 0
    return torch.where(same, 1.0, total).pow(1 / p).masked_fill(same, 0.0)
