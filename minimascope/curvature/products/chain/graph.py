"""Hessian, GGN and gradient products of a chain of layers, without autograd."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place
from minimascope.curvature.products.chain.affine import Affine
from minimascope.curvature.products.chain.arena import Arena, Scratch
from minimascope.curvature.products.chain.links import (
    Link,
    Pick,
    Pointwise,
    Reshape,
    Scale,
    Seen,
    Turn,
)
from minimascope.curvature.products.chain.positions import Plain, Windows
from minimascope.curvature.products.chain.recognition import ACTIVATIONS, MAXIMA, RESHAPES, Chain


@dataclass(frozen=True)
class ChainGraph:
    """One data chunk's links, with the sensitivities of the mean loss settled in each.

    `places` are those of each link's parameters, empty where it has none. What links compute lies
    in an arena that all chunks share; nothing of it is handed out.
    """

    links: list[Link]
    places: list[tuple[Place, ...]]
    logits: Tensor
    curvature: Callable[[Tensor], Tensor]
    n: int
    dim: int

    @property
    def nbytes(self) -> int:
        """Bytes kept between products."""
        held = [self.logits, *(tensor for link in self.links for tensor in link.tensors())]
        return sum(tensor.nbytes for tensor in held)

    def hessian_rows(self, rows: Tensor, moved: range | None = None) -> Tensor:
        """The chunk's share of H applied to (b, p) rows.

        With `moved`, a range of whole layers outside of which `rows` are 0, only the result's
        part within it is right: layers before it are left out, those after it have no share.
        """
        moves = [self._is_in(link, moved) for link in range(len(self.links))]
        if not any(moves):
            return torch.zeros_like(rows)
        tangent, seen = self._forward(rows, moves)
        D = self.curvature(tangent).flatten(0, 1).div_(self.n)
        return self._backward(D, seen, rows, moves, bent=True)

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, K)."""
        return self._forward(rows, [True] * len(self.links))[0].clone()

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, K) cotangents: (b, p)."""
        nothing: list[Seen] = [()] * len(self.links)
        rows = cotangents.new_zeros(cotangents.shape[0], self.dim)
        moves = [bool(places) for places in self.places]
        # A copy: links work in place.
        return self._backward(cotangents.flatten(0, 1).clone(), nothing, rows, moves, bent=False)

    def settle(self, D: Tensor) -> None:
        """Takes the (m, K) gradient of the loss on the logits back to every link."""
        back: Tensor | None = D
        for place, link in reversed(list(enumerate(self.links))):
            assert back is not None
            link.settle(back)
            back = link.pull(back, (), Turn(None, None, bent=False), first=place == 0)

    def _is_in(self, link: int, moved: range | None) -> bool:
        places = self.places[link]
        return bool(places) and (moved is None or places[0].start in moved)

    def _forward(self, rows: Tensor, moves: list[bool]) -> tuple[Tensor, list[Seen]]:
        """(b, m, K), and what every link has seen."""
        tangent: Tensor | None = None
        seen: list[Seen] = []
        for link, moving in zip(self.links, moves, strict=True):
            tangent, needed = link.push(tangent, rows if moving else None)
            seen.append(needed)
        if tangent is None:
            tangent = self.logits.new_zeros(rows.shape[0] * len(self.logits), self.logits.shape[1])
        return tangent.unflatten(0, (rows.shape[0], -1)), seen

    def _backward(
        self, D: Tensor, seen: list[Seen], rows: Tensor, moves: list[bool], *, bent: bool
    ) -> Tensor:
        """Down to the first link that moves: what lies before it has no share."""
        out = torch.zeros_like(rows)
        back: Tensor | None = D
        last = moves.index(True) if any(moves) else len(self.links)
        for place in range(len(self.links) - 1, last - 1, -1):
            assert back is not None
            own = (rows, out) if moves[place] else (None, None)
            back = self.links[place].pull(
                back, seen[place], Turn(*own, bent=bent), first=place == last
            )
        return out


def chain_graph(chain: Chain, minimum: Minimum, examples: slice, arena: Arena) -> ChainGraph:
    """Runs the chunk once forwards and once backwards and keeps what products need."""
    values = minimum.inputs[examples]
    links: list[Link] = []
    places: list[tuple[Place, ...]] = []
    with torch.no_grad():
        for layer in chain.layers:
            own = chain.places.get(id(layer), {})
            link, values = _link(layer, values, own, Scratch(arena, len(links)))
            links.append(link)
            places.append(tuple(own.values()))
        targets = minimum.targets[examples]
        curvature = minimum.loss.curvature_map(values, targets)
        graph = ChainGraph(links, places, values, curvature, minimum.n, minimum.dim)
        graph.settle(minimum.loss.residual(values, targets).div_(minimum.n))
    return graph


def _link(
    layer: nn.Module, given: Tensor, places: dict[str, Place], scratch: Scratch
) -> tuple[Link, Tensor]:
    """The layer on its input at the minimum, and its output."""
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        if isinstance(layer, nn.Conv2d):
            positions: Plain | Windows = Windows(layer, given, scratch)
        else:
            positions = Plain(layer, given)
        weight = layer.weight.detach()
        link = Affine(positions, given, weight, places["weight"], places.get("bias"), scratch)
        return link, link.value(None if layer.bias is None else layer.bias.detach())
    if isinstance(layer, ACTIVATIONS):
        return _pointwise(layer, given, scratch)
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return _scale(layer, given, places), layer(given)
    if isinstance(layer, MAXIMA):
        pooling = copy.copy(layer)
        pooling.return_indices = True
        output, indices = pooling(given)
        return Pick(indices, given.shape[1:], scratch), output
    kind = Reshape if isinstance(layer, RESHAPES) else Link
    return kind(layer, given.shape[1:]), layer(given)


def _pointwise(layer: nn.Module, given: Tensor, scratch: Scratch) -> tuple[Link, Tensor]:
    if isinstance(layer, nn.ReLU):
        return Pointwise((given > 0).to(given.dtype), None, scratch), torch.relu(given)
    with torch.enable_grad():
        place = given.detach().clone().requires_grad_(True)
        output = layer(place.clone())  # a copy, because it may work in place
        slope = torch.autograd.grad(output.sum(), place, create_graph=True)[0]
        second = None
        if slope.requires_grad:
            second = torch.autograd.grad(slope.sum(), place, allow_unused=True)[0]
    if second is not None and not second.any():
        second = None
    return Pointwise(slope.detach(), second, scratch), output.detach()


def _scale(layer: nn.Module, given: Tensor, places: dict[str, Place]) -> Link:
    assert isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))
    assert layer.running_mean is not None
    assert layer.running_var is not None
    factor = torch.rsqrt(layer.running_var + layer.eps)
    shape = (1, -1, *[1] * (given.ndim - 2))
    normal = (given - layer.running_mean.view(shape)) * factor.view(shape)
    return Scale(normal, factor, layer.weight.detach(), places["weight"], places["bias"])
