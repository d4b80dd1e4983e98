"""Autograd graphs that are built once per data chunk and then differentiated many times.

`gradient_graph` keeps ∂L/∂θ of a chunk as a function of θ: one more backward pass gives a Hessian
product. `jacobian_graph` keeps the logits and their pullback as a function of its own cotangent:
differentiating that gives J v without forward-mode rules (the double-backward identity).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Places, split
from minimascope.curvature.products.quick_layers import QuickLayers
from minimascope.curvature.running.memory import out_of_memory
from minimascope.machine.memory import free_memory, whole_memory

Layers = AbstractContextManager[Any]

_memory_share = 1.0


def plan_with(share: float) -> None:
    """Of the free memory, plan with this share only: an attempt with all of it ran out."""
    global _memory_share
    _memory_share = share


def available_bytes(device: torch.device) -> int:
    """Free memory of the device that a graph or a basis may take.

    On a GPU that is also what torch's allocator keeps and nobody uses.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(_memory_share * (torch.cuda.mem_get_info(device)[0] + kept))
    return int(_memory_share * free_memory())


def planned_bytes(most: int, device: torch.device) -> int:
    """Of so many that something large may take, what this device allows: the same at every run.

    Half of the memory there is, less where an attempt ran out.
    """
    on_gpu = device.type == "cuda"
    whole = torch.cuda.mem_get_info(device)[1] if on_gpu else whole_memory()
    return int(_memory_share * min(most, whole // 2))


@dataclass(frozen=True)
class ChunkGraph:
    """`outputs` as a differentiable function of `parameters` (and of `cotangent` if given)."""

    places: Places
    parameters: list[Tensor]
    outputs: list[Tensor]
    logits: Tensor
    cotangent: Tensor | None = None

    def hessian_rows(self, rows: Tensor, moved: range | None = None) -> Tensor:
        """The chunk's share of H applied to (b, p) rows, where `outputs` are its gradient.

        With `moved`, a range of whole parameters outside of which `rows` are 0, the result is 0
        outside it too.
        """
        parts = self._split(rows)
        if moved is None:
            return self._pull(self.outputs, parts)
        inside = [k for k, place in enumerate(self.places.values()) if place.start in moved]
        own = slice(inside[0], inside[-1] + 1)
        result = torch.zeros_like(rows)
        found = differentiate(self.outputs[own], self.parameters[own], parts[own])
        result[:, moved.start : moved.stop] = _flat_rows(found, rows.shape[0])
        return result

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, K)."""
        assert self.cotangent is not None
        parts = self._split(rows)
        pushed = differentiate(self.outputs, [self.cotangent], parts)[0]
        return pushed.reshape(rows.shape[0], *self.logits.shape)

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, K) cotangents: (b, p)."""
        return self._pull([self.logits], [cotangents])

    def _split(self, rows: Tensor) -> list[Tensor]:
        return list(split(rows, self.places).values())

    def _pull(self, outputs: list[Tensor], rows: list[Tensor]) -> Tensor:
        return _flat_rows(differentiate(outputs, self.parameters, rows), rows[0].shape[0])


def fresh_leaves(minimum: Minimum) -> dict[str, Tensor]:
    """Fresh leaves holding θ, so that the network's own parameters gather no gradients."""
    views = minimum.unflatten(minimum.theta)
    return {name: view.clone().requires_grad_(True) for name, view in views.items()}


def forward(
    minimum: Minimum, parameters: dict[str, Tensor], examples: slice, layers: Layers | None = None
) -> Tensor:
    """Logits (m × K) of a slice of the training set, in forms that can be differentiated well.

    Attention is in its MATH form; `layers` are those that have second derivatives of their own.
    """
    with sdpa_kernel(SDPBackend.MATH), layers or nullcontext():
        return as_matrix(functional_call(minimum.network, parameters, (minimum.inputs[examples],)))


def gradient_graph(minimum: Minimum, parameters: dict[str, Tensor], examples: slice) -> ChunkGraph:
    """The chunk's share of ∇L (sum over its examples divided by n), kept differentiable."""

    def build(layers: Layers | None) -> ChunkGraph:
        leaves = list(parameters.values())
        logits = forward(minimum, parameters, examples, layers)
        losses = minimum.loss.values(logits, minimum.targets[examples])
        share = losses.sum() / minimum.n
        return ChunkGraph(minimum.places, leaves, _kept([share], leaves), logits)

    return _with_quick_layers(build, linear=False)


def jacobian_graph(minimum: Minimum, parameters: dict[str, Tensor], examples: slice) -> ChunkGraph:
    """The chunk's logits and θ-pullback, linear in a cotangent that J v is read from."""

    def build(layers: Layers | None) -> ChunkGraph:
        leaves = list(parameters.values())
        logits = forward(minimum, parameters, examples, layers)
        cotangent = torch.zeros_like(logits, requires_grad=True)
        pulled = _kept([logits], leaves, [cotangent])
        return ChunkGraph(minimum.places, leaves, pulled, logits, cotangent)

    return _with_quick_layers(build, linear=True)


def _kept(
    outputs: list[Tensor], leaves: list[Tensor], seeds: list[Tensor] | None = None
) -> list[Tensor]:
    """A pullback with its graph."""
    how = {"create_graph": True, "allow_unused": True, "materialize_grads": True}
    with sdpa_kernel(SDPBackend.MATH):
        return list(torch.autograd.grad(outputs, leaves, seeds, **how))


def _with_quick_layers(build: Callable[[Layers | None], ChunkGraph], *, linear: bool) -> ChunkGraph:
    """Of torch's own layers where the network asks more of them than others can (`own_forms`)."""
    try:
        return build(QuickLayers(linear=linear))
    except RuntimeError as error:
        if out_of_memory(error):
            raise
    return build(None)


def differentiate(
    outputs: list[Tensor], places: list[Tensor], rows: list[Tensor]
) -> tuple[Tensor, ...]:
    """Vector-Jacobian products for rows stacked along dimension 0; always (b, ...)."""
    keep = [k for k, output in enumerate(outputs) if output.requires_grad]
    if not keep:  # outputs constant in these places, e.g. a network linear in θ
        return tuple(
            torch.zeros(rows[0].shape[0], *q.shape, dtype=q.dtype, device=q.device) for q in places
        )
    outputs, rows = [outputs[k] for k in keep], [rows[k] for k in keep]

    def one(*row: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(
            outputs, places, row, retain_graph=True, allow_unused=True, materialize_grads=True
        )

    if rows[0].shape[0] > 1:
        try:
            return vmap(one)(*rows)
        except RuntimeError as error:  # some operations have no batching rule
            if out_of_memory(error):
                raise
    singles = [one(*row) for row in zip(*rows, strict=True)]
    return tuple(torch.stack(parts) for parts in zip(*singles, strict=True))


def _flat_rows(parts: tuple[Tensor, ...], count: int) -> Tensor:
    return torch.cat([part.reshape(count, -1) for part in parts], dim=1)
