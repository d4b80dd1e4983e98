"""Activations between two lines: what bounds of a network need to know of each.

On [l, u] an activation f lies between two lines. Where f is piecewise linear with f convex, the
upper one is the chord and the lower one passes through 0. A smooth f lies between two parallels to
its chord: f minus the chord's slope is sampled, and between samples h apart it exceeds them by at
most h² max|f''|/8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu, silu

from minimascope.boundary.certificates.rounding import UNIT
from minimascope.boundary.certificates.steps import Activation

PIECES = 32  # between samples of a smooth activation
LIBRARY = 32  # roundings that torch's own value may be wrong by
NARROW = 1e-9  # of the ends' sizes: where the chord's slope is all rounding


@dataclass(frozen=True)
class Smooth:
    """f, f', a bound on |f''|; beyond |x| = `reach` |f''| is at most `tail`."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    bend: float
    reach: float
    tail: float


def _gelu_slope(x: Tensor) -> Tensor:
    density = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)
    return torch.special.ndtr(x) + x * density


# Largest |f''|: tanh 4/√27, sigmoid 1/√108, GELU 2 φ(0), SiLU ½.
SMOOTH: dict[str, Smooth] = {
    "tanh": Smooth(torch.tanh, lambda x: 1 - torch.tanh(x).square(), 0.76981, 10.0, 2e-8),
    "sigmoid": Smooth(
        torch.sigmoid, lambda x: torch.sigmoid(x) * torch.sigmoid(-x), 0.096226, 20.0, 3e-9
    ),
    "gelu": Smooth(gelu, _gelu_slope, 0.797885, 10.0, 1e-19),
    "silu": Smooth(
        silu, lambda x: torch.sigmoid(x) * (1 + x * torch.sigmoid(-x)), 0.500001, 20.0, 5e-8
    ),
}
RECTIFIERS = ("relu", "leaky_relu")
BOUNDED = ("tanh", "sigmoid")
_FRACTIONS = torch.linspace(0, 1, PIECES + 1, dtype=torch.float64)


class Lines(NamedTuple):
    """below·x + below_at ≤ f(x) ≤ above·x + above_at."""

    below: Tensor
    below_at: Tensor
    above: Tensor
    above_at: Tensor


def value_of(step: Activation) -> Callable[[Tensor], Tensor]:
    """The activation itself."""
    if step.name in RECTIFIERS:
        return lambda x: torch.where(x > 0, x, step.slope * x)
    return SMOOTH[step.name].value


def lines(step: Activation, low: Tensor, high: Tensor) -> Lines:
    """Two lines of every number, for inputs in [low, high] (any one shape)."""
    if step.name in RECTIFIERS:
        return _rectifier_lines(step.slope, low, high)
    return _parallel_lines(SMOOTH[step.name], low, high)


def image(step: Activation, low: Tensor, high: Tensor, found: Lines) -> tuple[Tensor, Tensor]:
    """An interval that holds f of [low, high]."""
    f = value_of(step)
    if step.name in (*RECTIFIERS, *BOUNDED):  # they never fall
        least, most = f(low), f(high)
    else:
        least = torch.minimum(found.below * low, found.below * high) + found.below_at
        most = torch.maximum(found.above * low, found.above * high) + found.above_at
    more = LIBRARY * UNIT * (least.abs() + most.abs())
    return least - more, most + more


def _rectifier_lines(slope: float, low: Tensor, high: Tensor) -> Lines:
    width = high - low
    wide = width > NARROW * (1 + low.abs() + high.abs())
    rise = torch.where(high > 0, high, slope * high) - torch.where(low > 0, low, slope * low)
    chord = torch.where(wide, rise / torch.where(wide, width, 1.0), 1.0 * (high > 0))
    chord = chord.clamp(slope, 1.0)
    # Of all slopes through 0 that stay below, the one that leaves the smaller area.
    through = torch.where(high > -low, 1.0, slope)
    sure = torch.where(low >= 0, 1.0, slope)
    settled = (low >= 0) | (high <= 0)
    below, above = torch.where(settled, sure, through), torch.where(settled, sure, chord)
    # A convex f minus a line is largest at an end of the interval, or, above 0 and below, at 0.
    middle = torch.minimum(torch.maximum(torch.zeros_like(low), low), high)
    places = torch.stack([low, middle, high], dim=-1)
    values = torch.where(places > 0, places, slope * places)
    return _held(values, places, below, above, torch.zeros_like(low))


def _parallel_lines(f: Smooth, low: Tensor, high: Tensor) -> Lines:
    width = high - low
    wide = width > NARROW * (1 + low.abs() + high.abs())
    rise = f.value(high) - f.value(low)
    chord = torch.where(wide, rise / torch.where(wide, width, 1.0), f.slope((low + high) / 2))
    # Samples lie within reach; what is beyond bends so little that its ends say enough.
    near = torch.minimum(torch.maximum(low.clamp(-f.reach, f.reach), low), high)
    far = torch.minimum(torch.maximum(high.clamp(-f.reach, f.reach), low), high)
    inner = near[..., None] + (far - near)[..., None] * _FRACTIONS
    places = torch.cat([inner, low[..., None], high[..., None]], dim=-1)
    beyond = torch.maximum(near - low, high - far)
    missed = (f.bend * ((far - near) / PIECES).square() + f.tail * beyond.square()) / 8
    return _held(f.value(places), places, chord, chord, missed * (1 + 1e-9))


def _held(values: Tensor, places: Tensor, below: Tensor, above: Tensor, missed: Tensor) -> Lines:
    """Intercepts from values at places (..., q), rounding and what samples miss on top."""
    steepest = torch.maximum(below.abs(), above.abs())[..., None]
    rounding = LIBRARY * UNIT * (values.abs() + places.abs() * (1 + steepest)).amax(-1)
    more = missed + rounding
    under = (values - below[..., None] * places).amin(-1) - more
    over = (values - above[..., None] * places).amax(-1) + more
    return Lines(below, under, above, over)
