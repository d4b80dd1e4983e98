"""Layers with hand-written first and second derivatives, for products without autograd.

A link stands for one layer on one data chunk. Tangents are (b·m, ...): the m examples for each of
b vectors, those of one vector next to each other. `push` maps the tangent of a layer's input, and
the layer's own part of the direction V, to the tangent of its output (Pearlmutter's R-operator);
`pull` maps sensitivities D of its output to those of its input and adds what its parameters get.
With `bent`, D is the tangent of the sensitivities S at the minimum, and the products of S with
what `push` saw are added: this makes Hessian products of Gauss–Newton ones. A layer whose
parameters stay where they are has no `rows`, one whose share nobody asks for no `out`. Tangents
and sensitivities lie in an arena and are changed in place.
Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.curvature.minimum.places import Place
from minimascope.curvature.products.chain.arena import Scratch

Seen = tuple[Tensor, ...]  # what `pull` needs of a product that `push` has seen


class Turn(NamedTuple):
    """A link's part in one backward pass: the direction's rows, where its share goes, `bent`."""

    rows: Tensor | None
    out: Tensor | None
    bent: bool


class Link:
    """A layer without parameters that is linear in its input; others override what differs."""

    def __init__(self, function: Callable[[Tensor], Tensor], shape: torch.Size) -> None:
        self._function, self._shape = function, shape

    def push(self, tangent: Tensor | None, rows: Tensor | None) -> tuple[Tensor | None, Seen]:
        """Tangent of the output, and what `pull` needs of this product."""
        return (None if tangent is None else self._function(tangent)), ()

    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        """Sensitivities of the input, None where the link is `first`; adds to `turn.out` (b, p)."""
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
    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        return None if first else D.reshape(D.shape[0], *self._shape)


class Pick(Link):
    """Maximum pooling: `indices` (m, C, ...) into the flat positions of the input's planes."""

    def __init__(self, indices: Tensor, shape: torch.Size, scratch: Scratch) -> None:
        self._indices, self._shape, self._scratch = indices.flatten(2), shape, scratch
        self._pooled = indices.shape[1:]

    def _repeated(self, tangents: Tensor) -> Tensor:
        """Indices (b, m, C, ...) for (b·m, ...) tangents, without a copy."""
        b = tangents.shape[0] // self._indices.shape[0]
        return self._indices.expand(b, *self._indices.shape)

    @override
    def push(self, tangent: Tensor | None, rows: Tensor | None) -> tuple[Tensor | None, Seen]:
        if tangent is None:
            return None, ()
        index = self._repeated(tangent)
        picked = self._scratch.take("picked", index.shape, tangent)
        planes = tangent.flatten(2).unflatten(0, index.shape[:2])
        torch.gather(planes, 3, index, out=picked)
        return picked.view(-1, *self._pooled), ()

    @override
    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        if first:
            return None
        index = self._repeated(D)
        shape = (*index.shape[:3], self._shape[1:].numel())
        spread = self._scratch.take("spread", shape, D).zero_()
        spread.scatter_add_(3, index, D.flatten(2).unflatten(0, index.shape[:2]))
        return spread.view(-1, *self._shape)

    @override
    def tensors(self) -> list[Tensor]:
        return [self._indices]


class Pointwise(Link):
    """An activation: `slope` σ'(z) and, where it is not piecewise linear, σ''(z), both (m, ...)."""

    def __init__(self, slope: Tensor, second: Tensor | None, scratch: Scratch) -> None:
        self._slope, self._second, self._scratch = slope, second, scratch
        self._bend: Tensor | None = None

    @override
    def settle(self, S: Tensor) -> None:
        if self._second is not None:
            self._bend = self._second * S

    @override
    def push(self, tangent: Tensor | None, rows: Tensor | None) -> tuple[Tensor | None, Seen]:
        if tangent is None:
            return None, ()
        if self._bend is None:  # nobody needs the tangent any more
            return _times_(tangent, self._slope), ()
        return _times_(self._copy(tangent), self._slope), (tangent,)

    @override
    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        if first:
            return None
        back = _times_(D, self._slope)
        if turn.bent and self._bend is not None and seen:
            back += _times_(seen[0], self._bend)
        return back

    def _copy(self, tangent: Tensor) -> Tensor:
        """Another tangent with the same strides."""
        order = sorted(range(tangent.ndim), key=lambda k: -tangent.stride(k))
        laid = tangent.permute(order)
        copy = self._scratch.take("copy", laid.shape, tangent).copy_(laid)
        return copy.permute([order.index(k) for k in range(tangent.ndim)])

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
        self._sensitivity = S.clone()

    @override
    def push(self, tangent: Tensor | None, rows: Tensor | None) -> tuple[Tensor | None, Seen]:
        if tangent is None and rows is None:
            return None, ()
        seen: Seen = ()
        result: Tensor | None = None
        if tangent is not None:
            seen = (tangent * _channels(self._factor, tangent),)
            result = seen[0] * _channels(self._weight, tangent)
        if rows is not None:
            gamma, beta = self._gamma.of(rows)[:, None], self._beta.of(rows)[:, None]
            own = self._normal * _channels(gamma, self._normal)
            own = (own + _channels(beta, self._normal)).flatten(0, 1)
            result = own if result is None else result.add_(own)
        return result, seen

    @override
    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        S = self._sensitivity if turn.bent else None
        if turn.out is not None:
            self._gain(D, seen, S, turn.out)
        if first:
            return None
        back = D * _channels(self._factor * self._weight, D)
        if S is not None and turn.rows is not None:
            turned = S * _channels((self._gamma.of(turn.rows) * self._factor)[:, None], S)
            back += turned.flatten(0, 1)
        return back

    def _gain(self, D: Tensor, seen: Seen, S: Tensor | None, out: Tensor) -> None:
        """Adds Σ D x̂ + S (tangent of x̂) to γ's part of `out` and Σ D to β's."""
        parted = D.unflatten(0, (out.shape[0], -1))
        others = [1, *range(3, parted.ndim)]  # examples and positions: vectors and channels stay
        gained = parted * self._normal
        if S is not None and seen:
            gained += seen[0].unflatten(0, (out.shape[0], -1)) * S
        self._gamma.of(out).add_(gained.sum(others))
        self._beta.of(out).add_(parted.sum(others))

    @override
    def tensors(self) -> list[Tensor]:
        return [self._normal] + ([] if self._sensitivity is None else [self._sensitivity])


def _times_(tangent: Tensor, factor: Tensor) -> Tensor:
    """(b·m, ...) tangents times (m, ...), in place: memory costs more time than arithmetic."""
    if tangent.shape[0] == factor.shape[0]:
        return tangent.mul_(factor)
    tangent.unflatten(0, (-1, factor.shape[0])).mul_(factor)
    return tangent


def _channels(values: Tensor, like: Tensor) -> Tensor:
    """(..., C) against (m, C, ...)."""
    return values.reshape(*values.shape, *[1] * (like.ndim - 2))
