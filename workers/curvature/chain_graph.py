"""Hessian, GGN and gradient products of a chain of layers, without autograd."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workers.curvature.affine_links import Affine, Plain, Windows
from workers.curvature.chain import ACTIVATIONS, MAXIMA, RESHAPES, Chain
from workers.curvature.links import Link, Pick, Place, Pointwise, Reshape, Scale
from workers.curvature.losses import curvature_map, residuals
from workers.curvature.minimum import Minimum


@dataclass(frozen=True)
class ChainGraph:
    """One data chunk's links, with the sensitivities of the mean loss settled in each."""

    links: list[Link]
    logits: Tensor
    curvature: Callable[[Tensor], Tensor]
    n: int
    dim: int

    @property
    def nbytes(self) -> int:
        """Bytes kept between products."""
        held = [self.logits, *(tensor for link in self.links for tensor in link.tensors())]
        return sum(tensor.nbytes for tensor in held)

    def hessian_rows(self, rows: Tensor) -> Tensor:
        """The chunk's share of H applied to (b, p) rows."""
        tangent, seen = self._forward(rows)
        D = self.curvature(tangent).flatten(0, 1).div_(self.n)
        return self._backward(D, seen, rows, bent=True)

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, K)."""
        return self._forward(rows)[0].transpose(0, 1)

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, K) cotangents: (b, p)."""
        D = cotangents.transpose(0, 1)
        rows = D.new_zeros(D.shape[1], self.dim)
        # A copy: links work in place.
        return self._backward(D.flatten(0, 1).clone(), [None] * len(self.links), rows, bent=False)

    def gradient(self, D: Tensor, *, settle: bool = False) -> Tensor:
        """Jᵀ D for one (m, K) cotangent, (p,); `settle` makes it the minimum's sensitivities."""
        rows = D.new_zeros(1, self.dim)
        out = torch.zeros_like(rows)
        back: Tensor | None = D
        for place, link in reversed(list(enumerate(self.links))):
            assert back is not None
            if settle:
                link.settle(back)
            back = link.pull(back, None, rows, out, bent=False, first=place == 0)
        return out[0]

    def _forward(self, rows: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        tangent: Tensor | None = None
        seen: list[Tensor | None] = []
        for link in self.links:
            tangent, needed = link.push(tangent, rows)
            seen.append(needed)
        if tangent is None:
            tangent = self.logits.new_zeros(rows.shape[0] * len(self.logits), self.logits.shape[1])
        return tangent.unflatten(0, (-1, rows.shape[0])), seen

    def _backward(
        self, D: Tensor, seen: list[Tensor | None], rows: Tensor, *, bent: bool
    ) -> Tensor:
        out = torch.zeros_like(rows)
        back: Tensor | None = D
        for place in range(len(self.links) - 1, -1, -1):
            assert back is not None
            back = self.links[place].pull(back, seen[place], rows, out, bent=bent, first=place == 0)
        return out


def chain_graph(chain: Chain, minimum: Minimum, examples: slice) -> ChainGraph:
    """Runs the chunk once forwards and once backwards and keeps what products need."""
    values = minimum.inputs[examples]
    links: list[Link] = []
    with torch.no_grad():
        for layer in chain.layers:
            link, values = _link(layer, values, chain.places.get(id(layer), {}))
            links.append(link)
        graph = ChainGraph(
            links, values, curvature_map(values, minimum.loss), minimum.n, minimum.dim
        )
        targets = minimum.targets[examples]
        graph.gradient(residuals(values, targets, minimum.loss) / minimum.n, settle=True)
    return graph


def _link(layer: nn.Module, given: Tensor, places: dict[str, Place]) -> tuple[Link, Tensor]:
    """The layer on its input at the minimum, and its output."""
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        positions = Windows(layer, given) if isinstance(layer, nn.Conv2d) else Plain(layer, given)
        weight = layer.weight.detach()
        link = Affine(positions, given, weight, places["weight"], places.get("bias"))
        return link, link.value(None if layer.bias is None else layer.bias.detach())
    if isinstance(layer, ACTIVATIONS):
        return _pointwise(layer, given)
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return _scale(layer, given, places), layer(given)
    if isinstance(layer, MAXIMA):
        pooling = copy.copy(layer)
        pooling.return_indices = True
        output, indices = pooling(given)
        return Pick(indices, given.shape[1:]), output
    kind = Reshape if isinstance(layer, RESHAPES) else Link
    return kind(layer, given.shape[1:]), layer(given)


def _pointwise(layer: nn.Module, given: Tensor) -> tuple[Link, Tensor]:
    with torch.enable_grad():
        place = given.detach().clone().requires_grad_(True)
        output = layer(place.clone())  # a copy, because it may work in place
        slope = torch.autograd.grad(output.sum(), place, create_graph=True)[0]
        second = None
        if slope.requires_grad:
            second = torch.autograd.grad(slope.sum(), place, allow_unused=True)[0]
    if second is not None and not second.any():
        second = None
    return Pointwise(slope.detach(), second), output.detach()


def _scale(layer: nn.Module, given: Tensor, places: dict[str, Place]) -> Link:
    assert isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))
    assert layer.running_mean is not None
    assert layer.running_var is not None
    factor = torch.rsqrt(layer.running_var + layer.eps)
    shape = (1, -1, *[1] * (given.ndim - 2))
    normal = (given - layer.running_mean.view(shape)) * factor.view(shape)
    return Scale(normal, factor, layer.weight.detach(), places["weight"], places["bias"])
