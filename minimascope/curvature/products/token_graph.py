"""Products of a chunk of sequences whose logits never stand at once: body by autograd, head by hand.

The body maps θ to h, what the head is given. Its backward pass at a cotangent c on h, kept
differentiable, gives h' = J v (differentiated in c) and, with the head's part (`token_head`), a
Hessian product by reverse passes alone. GGN products need no such graph: h' comes forward.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import split
from minimascope.curvature.products.token_head import TokenHead, pushed


class TokenGraph:
    """h of a chunk with its graph; `differentiable` keeps that of its pullback too."""

    def __init__(
        self,
        head: TokenHead,
        minimum: Minimum,
        parameters: dict[str, Tensor],
        examples: slice,
        *,
        differentiable: bool,
    ) -> None:
        self._head, self._minimum, self._examples = head, minimum, examples
        self._parameters, self._leaves = parameters, list(parameters.values())
        hidden = head.hidden(minimum, parameters, minimum.inputs[examples])
        self._shape, self._hidden = hidden.shape[:2], hidden.flatten(0, 1)
        targets = minimum.targets[examples].reshape(-1)
        # A position without a label never meets the head.
        self._counted = head.loss.counts(targets).nonzero()[:, 0]
        self._targets, self._h = targets[self._counted], self._hidden[self._counted]
        self._cotangent = torch.zeros(0)
        self._pulled: list[Tensor | None] = []
        if differentiable:
            residual = head.residual_on_hidden(self._h.detach(), self._targets)
            self._cotangent = residual.requires_grad_()
            self._pulled = _gradients([self._h], self._leaves, [residual], create_graph=True)

    @property
    def logits(self) -> Tensor:
        """All of them (m, T·K)."""
        return self._head.logits(self._hidden.detach()).reshape(self._shape[0], -1)

    def hessian_rows(self, rows: Tensor, moved: range | None = None) -> Tensor:
        """The chunk's share of H applied to (b, p) rows."""
        used = [k for k, each in enumerate(self._pulled) if each is not None]
        outputs = [each for each in self._pulled if each is not None]
        parts = [list(split(row, self._minimum.places).values()) for row in rows]
        parts = [[row[k] for k in used] for row in parts]
        along = torch.stack([self._slope(outputs, each) for each in parts])
        result = torch.zeros_like(rows)
        bent = self._curved(along, rows, result, whole=True)
        for into, part, seed in zip(result, parts, bent, strict=True):
            self._add(into, _gradients([*outputs, self._h], self._leaves, [*part, seed]))
        return result.div_(self._minimum.n)

    def ggn_rows(self, rows: Tensor) -> Tensor:
        """Σ J_iᵀΛ_iJ_i over the chunk applied to (b, p) rows."""
        along = torch.stack([self._along(row)[self._counted] for row in rows])
        result = torch.zeros_like(rows)
        bent = self._curved(along, rows, result, whole=False)
        for into, seed in zip(result, bent, strict=True):
            self._add(into, _gradients([self._h], self._leaves, [seed]))
        return result

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, T·K), all logits of them."""
        h = self._hidden.detach()
        found = [self._head.pushed_logits(h, self._along(row), row) for row in rows]
        return torch.stack(found).reshape(len(rows), self._shape[0], -1)

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, T·K) cotangents: (b, p)."""
        result = cotangents.new_zeros(len(cotangents), self._minimum.dim)
        h = self._hidden.detach()
        for seeds, into in zip(cotangents, result, strict=True):
            bent = self._head.pulled(h, seeds.reshape(len(h), -1), into)
            self._add(into, _gradients([self._hidden], self._leaves, [bent]))
        return result

    def _slope(self, outputs: list[Tensor], parts: list[Tensor]) -> Tensor:
        """h' (N, d) where a vector has these parts: the pullback's derivative in its cotangent."""
        (found,) = _gradients(outputs, [self._cotangent], parts) if outputs else (None,)
        return torch.zeros_like(self._cotangent) if found is None else found

    def _along(self, row: Tensor) -> Tensor:
        """h' of one vector (p,) at every position (m·T, d)."""
        parameters = {name: leaf.detach() for name, leaf in self._parameters.items()}
        tangents = split(row, self._minimum.places)
        found = pushed(self._head, self._minimum, parameters, tangents, self._examples)
        return found.flatten(0, 1)

    def _curved(self, along: Tensor, rows: Tensor, into: Tensor, *, whole: bool) -> Tensor:
        h = self._h.detach()
        return self._head.curved(h, self._targets, along, rows, into, whole=whole)

    def _add(self, into: Tensor, gradients: Sequence[Tensor | None]) -> None:
        for place, gradient in zip(self._minimum.places.values(), gradients, strict=True):
            if gradient is not None:
                into[place.slice] += gradient.reshape(-1)


def _gradients(
    outputs: list[Tensor],
    leaves: list[Tensor],
    cotangents: list[Tensor],
    *,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """None for leaves that no output depends on: a body may train nothing."""
    pairs = [(f, c) for f, c in zip(outputs, cotangents, strict=True) if f.requires_grad]
    if not pairs:
        return [None] * len(leaves)
    functions, seeds = zip(*pairs, strict=True)
    return list(
        torch.autograd.grad(
            functions,
            leaves,
            seeds,
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    )
