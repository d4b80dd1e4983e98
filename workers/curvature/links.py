"""Layers with hand-written first and second derivatives, for products without autograd.

A link stands for one layer on one data chunk. Tangents are (m·b, ...): b vectors for each of m
examples, those of one example next to each other. `push` maps the tangent of a layer's input, and
the layer's own part of the direction V, to the tangent of its output (Pearlmutter's R-operator);
`pull` maps sensitivities D of its output to those of its input and adds what its parameters get.
With `bent`, D is the tangent of the sensitivities S at the minimum, and the products of S with
what `push` saw are added: this makes Hessian products of Gauss–Newton ones.
Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in θ: [start, start + shape.numel())."""

    start: int
    shape: torch.Size

    def of(self, rows: Tensor) -> Tensor:
        """The parameter's part of (b, p) rows as (b, *shape), a view where b is 1."""
        part = rows[:, self.start : self.start + self.shape.numel()]
        return part.unflatten(1, self.shape)


class Link:
    """A layer without parameters that is linear in its input; others override what differs."""

    def __init__(self, function: Callable[[Tensor], Tensor], shape: torch.Size) -> None:
        self._function, self._shape = function, shape

    def push(self, tangent: Tensor | None, rows: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Tangent of the output, and what `pull` needs of this product."""
        return (None if tangent is None else self._function(tangent)), None

    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        """Sensitivities of the input, None where the link is `first`; adds to `out` (b, p)."""
        if first:
            return None
        with torch.enable_grad():
            origin = D.new_zeros(D.shape[0], *self._shape, requires_grad=True)
            return torch.autograd.grad(self._function(origin), origin, D)[0]

    def settle(self, S: Tensor) -> None:
        """Takes the sensitivities (m, ...) of the output at the minimum itself."""

    def tensors(self) -> list[Tensor]:
        """What it keeps between products."""
        return []


class Reshape(Link):
    """Flatten, Unflatten, Identity, and Dropout in evaluation mode."""

    @override
    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        return None if first else D.reshape(D.shape[0], *self._shape)


class Pick(Link):
    """Maximum pooling: `indices` (m, C, ...) into the flat positions of the input's planes."""

    def __init__(self, indices: Tensor, shape: torch.Size) -> None:
        self._indices, self._shape = indices.flatten(2), shape
        self._pooled = indices.shape[1:]

    def _repeated(self, count: int) -> Tensor:
        return self._indices.repeat_interleave(count // self._indices.shape[0], dim=0)

    @override
    def push(self, tangent: Tensor | None, rows: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if tangent is None:
            return None, None
        picked = tangent.flatten(2).gather(2, self._repeated(tangent.shape[0]))
        return picked.reshape(-1, *self._pooled), None

    @override
    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        if first:
            return None
        spread = D.new_zeros(D.shape[0], self._shape[0], self._shape[1:].numel())
        spread.scatter_add_(2, self._repeated(D.shape[0]), D.flatten(2))
        return spread.reshape(-1, *self._shape)

    @override
    def tensors(self) -> list[Tensor]:
        return [self._indices]


class Pointwise(Link):
    """An activation: `slope` σ'(z) and, where it is not piecewise linear, σ''(z), both (m, ...)."""

    def __init__(self, slope: Tensor, second: Tensor | None) -> None:
        self._slope, self._second = slope, second
        self._bend: Tensor | None = None

    @override
    def settle(self, S: Tensor) -> None:
        if self._second is not None:
            self._bend = self._second * S

    @override
    def push(self, tangent: Tensor | None, rows: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if tangent is None:
            return None, None
        if self._bend is None:  # nobody needs the tangent any more
            return _times_(tangent, self._slope), None
        return _times_(tangent.clone(), self._slope), tangent

    @override
    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        if first:
            return None
        back = _times_(D, self._slope)
        if bent and self._bend is not None and seen is not None:
            back += _times_(seen, self._bend)
        return back

    @override
    def tensors(self) -> list[Tensor]:
        return [each for each in (self._slope, self._second, self._bend) if each is not None]


class Scale(Link):
    """BatchNorm on running statistics: γ·x̂ + β, `normal` x̂ (m, C, ...), `factor` 1/s (C,)."""

    def __init__(
        self, normal: Tensor, factor: Tensor, weight: Tensor, gamma: Place, beta: Place
    ) -> None:
        self._normal, self._factor, self._weight = normal, factor, weight
        self._gamma, self._beta = gamma, beta
        self._sensitivity: Tensor | None = None

    @override
    def settle(self, S: Tensor) -> None:
        self._sensitivity = S

    @override
    def push(self, tangent: Tensor | None, rows: Tensor) -> tuple[Tensor | None, Tensor | None]:
        b = rows.shape[0]
        gamma, beta = self._gamma.of(rows), self._beta.of(rows)
        result = self._normal.unsqueeze(1) * _channels(gamma, self._normal)
        result += _channels(beta, self._normal)
        if tangent is None:
            return result.flatten(0, 1), None
        normal = tangent * _channels(self._factor, tangent)
        result += (normal * _channels(self._weight, normal)).unflatten(0, (-1, b))
        return result.flatten(0, 1), normal

    @override
    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        b = out.shape[0]
        parted = D.unflatten(0, (-1, b))
        # Sums over examples and positions, leaving vectors and channels.
        others = [0, *range(3, parted.ndim)]
        gained = parted * self._normal.unsqueeze(1)
        S = self._sensitivity
        if bent and seen is not None and S is not None:
            gained = gained + seen.unflatten(0, (-1, b)) * S.unsqueeze(1)
        self._gamma.of(out).add_(gained.sum(others))
        self._beta.of(out).add_(parted.sum(others))
        if first:
            return None
        back = D * _channels(self._factor * self._weight, D)
        if bent and S is not None:
            turned = S.unsqueeze(1) * _channels(self._gamma.of(rows) * self._factor, S)
            back = back + turned.flatten(0, 1)
        return back

    @override
    def tensors(self) -> list[Tensor]:
        return [self._normal] + ([] if self._sensitivity is None else [self._sensitivity])


def _times_(tangent: Tensor, factor: Tensor) -> Tensor:
    """(m·b, ...) tangents times (m, ...), in place: memory costs more time than arithmetic."""
    if tangent.shape[0] == factor.shape[0]:
        return tangent.mul_(factor)
    tangent.unflatten(0, (factor.shape[0], -1)).mul_(factor.unsqueeze(1))
    return tangent


def _channels(values: Tensor, like: Tensor) -> Tensor:
    """(..., C) against (m, C, ...)."""
    return values.reshape(*values.shape, *[1] * (like.ndim - 2))
