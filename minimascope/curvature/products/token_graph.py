"""Products of a chunk of sequences: body by autograd, head by hand, no logits of all positions.

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
from minimascope.curvature.products.graphs import differentiate
from minimascope.curvature.products.token_head import TokenHead, pushed


class TokenGraph:
    """h of a chunk with its graph; `differentiable` keeps that of its pullback at the residual
    too, `reused` that of its pullback alone, through which h' = J v costs no pass of the body."""

    def __init__(
        self,
        head: TokenHead,
        minimum: Minimum,
        parameters: dict[str, Tensor],
        examples: slice,
        *,
        differentiable: bool,
        reused: bool = False,
    ) -> None:
        self._head, self._minimum, self._examples = head, minimum, examples
        self._parameters, self._leaves = parameters, list(parameters.values())
        self._places = minimum.places
        self._slices = [place.slice for place in self._places.values()]
        hidden = head.hidden(minimum, parameters, minimum.inputs[examples])
        self._shape, self._hidden = hidden.shape[:2], hidden.flatten(0, 1)
        targets = minimum.targets[examples].reshape(-1)
        # A position without a label never meets the head.
        self._counted = head.loss.counts(targets).nonzero()[:, 0]
        self._sequence = self._counted // self._shape[1]  # of the chunk
        self._targets, self._h = targets[self._counted], self._hidden[self._counted]
        self._cotangent = torch.zeros(0)
        self._pulled: list[Tensor | None] = []
        if differentiable:
            residual = head.residual_on_hidden(self._h.detach(), self._targets)
            self._cotangent = residual.requires_grad_()
            self._pulled = _gradients([self._h], self._leaves, [residual], create_graph=True)
        self._free: Tensor | None = None
        if reused and self._hidden.requires_grad:
            self._free = torch.zeros_like(self._hidden).requires_grad_()
            given = [self._hidden], self._leaves, [self._free]
            self._pulled = _gradients(*given, create_graph=True)

    @property
    def logits(self) -> Tensor:
        """All of them (m, T·K)."""
        return self._head.logits(self._hidden.detach()).reshape(self._shape[0], -1)

    def hessian_rows(self, rows: Tensor, moved: range | None = None) -> Tensor:
        """The chunk's share of H applied to (b, p) rows."""
        outputs, parts = self._pulled_with(rows)
        along = self._slopes(outputs, parts, self._cotangent, len(rows))
        result = torch.zeros_like(rows)
        bent = self._curved(along, rows, result, whole=True)
        self._pull([*outputs, self._h], [*parts, bent], result)
        return result.div_(self._minimum.n)

    def add_ggn_rows(self, rows: Tensor, result: Tensor, without: Tensor | None = None) -> None:
        """Adds Σ J_iᵀΛ_iJ_i over the chunk, applied to (b, p) rows, to `result`.

        `without` (b,): the sequence of the chunk that row k's sum leaves out; any other number for
        none.
        """
        along = self._along(rows)[:, self._counted]
        flat = None if without is None else without[:, None] == self._sequence
        bent = self._curved(along, rows, result, whole=False, flat=flat)
        self._pull([self._h], [bent], result)

    def add_gradients(self, weights: Tensor, result: Tensor) -> None:
        """Adds Σ_i w_i g_i over the chunk, for weights (b, m) of its sequences, to (b, p)."""
        h, each = self._h.detach(), weights[:, self._sequence]
        bent = self._head.pulled_residuals(h, self._targets, each, result)
        self._pull([self._h], [bent], result)

    def push_rows(self, rows: Tensor) -> Tensor:
        """J v of every example of the chunk for (b, p) rows: (b, m, T·K), all logits of them."""
        h = self._hidden.detach()
        along = zip(self._along(rows), rows, strict=True)
        found = [self._head.pushed_logits(h, each, row) for each, row in along]
        return torch.stack(found).reshape(len(rows), self._shape[0], -1)

    def pull_rows(self, cotangents: Tensor) -> Tensor:
        """Σ_i J_iᵀ u_i over the chunk for (b, m, T·K) cotangents: (b, p)."""
        result = cotangents.new_zeros(len(cotangents), self._minimum.dim)
        h = self._hidden.detach()
        seeds = [
            self._head.pulled(h, each.reshape(len(h), -1), into)
            for each, into in zip(cotangents, result, strict=True)
        ]
        self._pull([self._hidden], [torch.stack(seeds)], result)
        return result

    def _pulled_with(self, rows: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The pullback's results, and what rows (b, p) have in their places."""
        pairs = zip(self._pulled, split(rows, self._places).values(), strict=True)
        known = [(f, part) for f, part in pairs if f is not None]
        return [f for f, _ in known], [part for _, part in known]

    def _slopes(
        self, outputs: list[Tensor], parts: list[Tensor], cotangent: Tensor, count: int
    ) -> Tensor:
        """h' (b, N, d) of vectors with these parts: the pullback's derivative in its cotangent."""
        shape = (count, *cotangent.shape)
        if not outputs:
            return cotangent.new_zeros(shape)
        return differentiate(outputs, [cotangent], parts)[0].reshape(shape)

    def _pull(self, outputs: list[Tensor], seeds: list[Tensor], into: Tensor) -> None:
        """Adds what seeds (b, ...) on outputs give each parameter, to (b, p)."""
        gradients: Sequence[Tensor | None]
        if len(into) > 1:
            gradients = differentiate(outputs, self._leaves, seeds)
        else:  # without the zeros of what the body does not use, such as the head
            gradients = _gradients(outputs, self._leaves, [each[0] for each in seeds])
        for at, each in zip(self._slices, gradients, strict=True):
            if each is not None:
                into[:, at] += each.reshape(len(into), -1)

    def _along(self, rows: Tensor) -> Tensor:
        """h' of vectors (b, p) at every position (b, m·T, d)."""
        if self._free is not None:
            return self._slopes(*self._pulled_with(rows), self._free, len(rows))
        parameters = {name: leaf.detach() for name, leaf in self._parameters.items()}
        given = (self._head, self._minimum, parameters)
        found = [pushed(*given, split(row, self._places), self._examples) for row in rows]
        return torch.stack(found).flatten(1, 2)

    def _curved(
        self, along: Tensor, rows: Tensor, into: Tensor, *, whole: bool, flat: Tensor | None = None
    ) -> Tensor:
        h = self._h.detach()
        return self._head.curved(h, self._targets, along, rows, into, whole=whole, flat=flat)


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
    how = {"retain_graph": True, "create_graph": create_graph, "allow_unused": True}
    return list(torch.autograd.grad(functions, leaves, seeds, **how))
