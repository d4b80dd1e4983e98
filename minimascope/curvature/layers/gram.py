"""The tangent-kernel Gram matrix Θ = JJᵀ (nK × nK), layer by layer, in bounded memory.

A layer with positions t has ⟨J_ik, J_jl⟩ = Σ_tt' ⟨s_ikt, s_jlt'⟩ ⟨a_it, a_jt'⟩: products of small
kernels where it has few positions and many weights (the usual case late in a network, where most
parameters are), rows of J for a few output channels at a time where it is the other way round. J of
an 11-million-parameter network never exists, and most of its Gram matrix costs next to nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.curvature.layers.jacobian import closed_form_names, jacobian_of
from minimascope.curvature.layers.traces import LayerTrace, trace_layers
from minimascope.curvature.minimum.minimum import Minimum

# Numbers of the rows of J, or of the traces of all layers, held at a time.
HELD, TRACED = 2 * 10**8, 3 * 10**8
TIMED = 8  # examples
# Numbers of a product of position kernels made at a time: larger ones leave the cache before they
# are added up.
CACHED = 2**21
TILE = 1024  # rows and columns of a matrix transposed at a time
# What multiplying two kernels entry by entry and adding them up costs, in multiplications of a
# matrix product: memory is slower than arithmetic.
POINTWISE = 100


@dataclass(frozen=True)
class GramCost:
    """Multiplications and additions of `gram`, and the numbers it holds beside its result."""

    operations: float
    numbers: float


def gram_cost(minimum: Minimum) -> GramCost:
    """From the shapes of one example's traces.

    An optimiser with a step size of its own for every parameter leaves layers no closed form.
    """
    by_rows = minimum.objective.optimiser.adaptive
    n = minimum.n
    operations, largest, held, covered = 0.0, 0.0, 0.0, 0
    outputs = 1
    for trace in trace_layers(minimum, minimum.inputs[:1]):
        _, outputs, positions, o = trace.sensitivities.shape
        d = trace.inputs.shape[2]
        pairs = positions**2 * (o + POINTWISE)
        if by_rows:
            pairs = o * d
        operations += 2.0 * (n * outputs) ** 2 * min(pairs, o * d)
        own = n * positions * (d + outputs * o)
        largest, held = max(largest, own), held + own
        covered += o * d
    rest = max(0, minimum.dim - covered)
    operations += 2.0 * (n * outputs) ** 2 * rest
    together = min(held, max(TRACED, largest))
    return GramCost(operations, together + min(HELD, n * outputs * rest))


def trace_seconds(minimum: Minimum, *, once: bool = False) -> float:
    """Seconds of the backward passes behind `gram`, or of one over all the data, from timed ones.

    Every group of layers, and of parameters outside them, has K passes over all examples.
    """
    few = min(TIMED, minimum.n)
    one, more = (_timed(minimum, count) for count in (1, few))
    slope = max(0.0, (more - one) / max(1, few - 1))
    passes = 1
    if not once:
        probe = trace_layers(minimum, minimum.inputs[:1])
        covered = {name for each in probe for name in each.names}
        passes = len(_groups(probe, minimum.n)) + len(_rest(minimum, covered, minimum.n, probe))
    return passes * (one + slope * (minimum.n - 1))


def _timed(minimum: Minimum, count: int) -> float:
    start = time.perf_counter()
    for trace in trace_layers(minimum, minimum.inputs[:count]):
        trace.sensitivities.sum().item()  # a GPU has to have finished
    return time.perf_counter() - start


def gram(minimum: Minimum, inputs: Tensor, root: Tensor | None = None) -> Tensor:
    """Θ = JJᵀ (nK × nK); with root (p,) of J·diag(root).

    Layers add to one half of it, Θ = half + halfᵀ: no second matrix of that size is held.
    """
    known = closed_form_names(minimum, inputs)
    probe = [each for each in trace_layers(minimum, inputs[:1]) if each.names <= known]
    half: Tensor | None = None
    for layers in _groups(probe, inputs.shape[0]):
        for trace in trace_layers(minimum, inputs, only=layers):
            half = _square(trace.inputs, *trace.sensitivities.shape[:2]) if half is None else half
            if root is None:
                _add_layer(half, trace)
            else:
                _add_scaled(half, trace, minimum, root)
    covered = {name for each in probe for name in each.names}
    for names in _rest(minimum, covered, inputs.shape[0], probe):
        rows = jacobian_of(minimum, inputs, names)
        half = _square(rows, *rows.shape[:2]) if half is None else half
        rows = rows.flatten(0, 1)
        if root is not None:
            rows *= torch.cat([root[minimum.places[x].slice] for x in minimum.names if x in names])
        half.addmm_(rows, rows.mT, alpha=0.5)
    if half is None:
        raise ValueError("The network has no trainable parameter.")
    return add_transpose_(half)


def _square(like: Tensor, n: int, outputs: int) -> Tensor:
    return like.new_zeros(n * outputs, n * outputs)


def add_transpose_(square: Tensor) -> Tensor:
    """M + Mᵀ in place, exactly symmetric."""
    for start in range(0, square.shape[0], TILE):
        rows = slice(start, start + TILE)
        for left in range(0, start + 1, TILE):
            columns = slice(left, left + TILE)
            both = square[rows, columns] + square[columns, rows].mT
            square[rows, columns] = both
            square[columns, rows] = both.mT
    return square


def _groups(probe: list[LayerTrace], n: int) -> list[set[str]]:
    """Layers whose traces fit in memory together; one forward pass each."""
    groups: list[set[str]] = []
    room = 0
    for trace in probe:
        size = n * (trace.inputs.numel() + trace.sensitivities.numel())
        if size > room:
            groups.append(set())
            room = TRACED
        groups[-1].add(trace.layer)
        room -= size
    return groups


def _rest(minimum: Minimum, covered: set[str], n: int, probe: list[LayerTrace]) -> list[list[str]]:
    """The other parameter tensors, as many at a time as have rows that fit."""
    groups: list[list[str]] = []
    room = 0
    rows = n * (probe[0].sensitivities.shape[1] if probe else 1)
    for name, place in minimum.places.items():
        if name in covered:
            continue
        if rows * place.size > room:
            groups.append([])
            room = HELD
        groups[-1].append(name)
        room -= rows * place.size
    return groups


def _add_layer(half: Tensor, trace: LayerTrace) -> None:
    _, _, positions, o = trace.sensitivities.shape
    d = trace.inputs.shape[2]
    few = positions**2 * (o + POINTWISE) < o * d
    if few or positions == 1:
        _add_by_positions(half, trace)
    else:
        _add_by_rows(half, trace)


def _add_scaled(half: Tensor, trace: LayerTrace, minimum: Minimum, root: Tensor) -> None:
    """The layer's part of JRJᵀ: in closed form where each of its tensors has one scale."""
    scales = _scales(trace, minimum, root)
    if scales is None:
        _add_by_rows(half, trace, _as_rows(trace, minimum, root))
    else:
        _add_layer(half, replace(trace, inputs=trace.inputs * scales.to(trace.inputs)))


def _scales(trace: LayerTrace, minimum: Minimum, root: Tensor) -> Tensor | None:
    """Of the layer's d inputs, the ones of its bias included; None where a tensor has several."""
    parts = [root[minimum.places[trace.weight].slice]]
    if trace.bias is not None:
        parts.append(root[minimum.places[trace.bias].slice])
    if not all(bool((part == part[0]).all()) for part in parts):
        return None
    width = trace.inputs.shape[2] - (trace.bias is not None)
    scales = [parts[0][:1].expand(width), *(part[:1] for part in parts[1:])]
    return torch.cat(scales)


def _as_rows(trace: LayerTrace, minimum: Minimum, root: Tensor) -> Tensor:
    """The scales of a layer's parameters as o × d, its bias in the last column."""
    o, width = trace.sensitivities.shape[3], trace.inputs.shape[2] - (trace.bias is not None)
    weight = root[minimum.places[trace.weight].slice]
    table = weight.view(width, o).mT if trace.transposed else weight.view(o, width)
    if trace.bias is None:
        return table
    return torch.cat([table, root[minimum.places[trace.bias].slice][:, None]], dim=1)


def _add_by_positions(half: Tensor, trace: LayerTrace) -> None:
    """The sum over pairs of positions t ≥ u; the others are its transpose."""
    n, outputs, positions, _ = trace.sensitivities.shape
    by_example = half.view(n, outputs, n, outputs)
    s = [part.contiguous() for part in trace.sensitivities.unbind(2)]
    a = [part.contiguous() for part in trace.inputs.unbind(1)]
    together = max(1, CACHED // (n * outputs**2))
    for start in range(0, n, together):
        rows = slice(start, start + together)
        part = by_example[rows]
        for t in range(positions):
            here, inputs = s[t][rows].flatten(0, 1), a[t][rows]
            for u in range(t + 1):
                product = (here @ s[u].flatten(0, 1).mT).view_as(part)
                kernel = inputs @ a[u].mT
                part.addcmul_(product, kernel[:, None, :, None], value=0.5 if u == t else 1.0)


def _add_by_rows(half: Tensor, trace: LayerTrace, scales: Tensor | None = None) -> None:
    """From rows of J for a few output channels at a time, times `scales` (o × d)."""
    n, outputs = trace.sensitivities.shape[:2]
    d = trace.inputs.shape[2]
    size, start = max(1, HELD // (n * outputs * d)), 0
    for s in trace.sensitivities.split(size, dim=3):
        rows = torch.einsum("nkto,ntd->nkod", s, trace.inputs)
        if scales is not None:
            rows *= scales[start : start + size].to(rows)
        start += size
        rows = rows.reshape(n * outputs, -1)
        half.addmm_(rows, rows.mT, alpha=0.5)
