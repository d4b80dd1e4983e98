"""A last layer that gives every position a logit for each word, some positions at a time.

With z = W h + b, r the residual and S the curvature of one position's loss, h' and (V, c) what a
vector makes of h and (W, b), u = W h' + V h + c:

    GGN      on h: Wᵀ S u            on W: S u hᵀ              on b: S u
    Hessian  on h: Wᵀ S u + Vᵀ r     on W: S u hᵀ + r h'ᵀ      on b: S u

What the body makes of a cotangent on h is autograd's (`token_graph`). The logits of all positions,
T·K numbers a sequence, never stand at once: a chunk of them is CHUNK_BYTES.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.layers.recorder import Call, recorded
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place
from minimascope.curvature.minimum.positions import LOGITS_AT_ONCE
from minimascope.curvature.running.memory import out_of_memory
from minimascope.objective.tokens import TokenCrossEntropy

CHUNK_BYTES = 2**24  # of logits: less costs time, 3.6 times as much at a sixteenth of it


class _Reached(Exception):  # noqa: N818  # nothing went wrong: the pass ends where it should
    """The head's input is known; its logits are not wanted."""


@dataclass(frozen=True)
class TokenHead:
    """The layer, where its parameters lie in θ (None: not trained), and how many of the positions
    it is given have outputs: the first ones."""

    layer: nn.Linear
    loss: TokenCrossEntropy
    weight: Place | None
    bias: Place | None
    positions: int

    @property
    def sequences_at_once(self) -> int:
        """As many as pass through the body at a time where all of them have their turn."""
        return max(1, LOGITS_AT_ONCE // (self.positions * self.layer.out_features))

    def hidden(self, minimum: Minimum, parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """What the head is given, (m, T, d), at these parameters; the head itself does not run."""
        held: list[Tensor] = []

        def stop(_layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            held.append(given[0])
            raise _Reached

        handle = self.layer.register_forward_pre_hook(stop)
        try:
            with sdpa_kernel(SDPBackend.MATH):
                functional_call(minimum.network, parameters, (inputs,))
        except _Reached:
            pass
        finally:
            handle.remove()
        return held[0][:, : self.positions]

    def weights_at(self, theta: Tensor) -> tuple[Tensor, Tensor | None]:
        """W (K, d) and b (K,) at θ: the layer's own where they are not trained."""
        W, b = self.layer.weight.detach(), self._offset()
        W = W if self.weight is None else self._own(self.weight, theta)
        return W, b if self.bias is None else theta[self.bias.slice]

    def logits(self, h: Tensor) -> Tensor:
        """Of positions (N, d): (N, K)."""
        return nn.functional.linear(h, self.layer.weight.detach(), self._offset())

    def residual_on_hidden(self, h: Tensor, y: Tensor) -> Tensor:
        """∂Σℓ/∂h (N, d) at labels y (N,) of the loss's positions, ignored ones among them."""
        found, W = torch.empty_like(h), self.layer.weight.detach()
        for at in self.chunks(h):
            found[at] = self.loss.residual(self.logits(h[at]), y[at, None]) @ W
        return found

    def pulled_residuals(self, h: Tensor, y: Tensor, weights: Tensor, into: Tensor) -> Tensor:
        """Cotangents (b, N, d) on h of Σ_t w_t ℓ_t, weights (b, N); the head's own are added to
        `into` (b, p)."""
        found, W = h.new_empty(len(weights), *h.shape), self.layer.weight.detach()
        for at in self.chunks(h):
            r = self.loss.residual(self.logits(h[at]), y[at, None])
            for k in range(len(weights)):
                seeds = weights[k, at, None] * r
                found[k, at] = seeds @ W
                self._add(into[k], seeds, h[at])
        return found

    def curved(
        self,
        h: Tensor,
        y: Tensor,
        pushed: Tensor,
        rows: Tensor,
        into: Tensor,
        *,
        whole: bool,
        flat: Tensor | None = None,
    ) -> Tensor:
        """Of vectors `rows` (b, p) with h' = `pushed` (b, N, d): cotangents (b, N, d) on h.

        What falls on the head's own parameters is added to `into` (b, p). `whole`: of the
        Hessian, not of the GGN. flat (b, N): where S is taken for 0.
        """
        found, W = torch.zeros_like(pushed), self.layer.weight.detach()
        for at in self.chunks(h):
            z = self.logits(h[at])
            times = self.loss.curvature_map(z, y[at, None])
            r = self.loss.residual(z, y[at, None]) if whole else None
            for k in range(len(rows)):
                u = self.pushed_logits(h[at], pushed[k, at], rows[k])
                if flat is not None:
                    u.masked_fill_(flat[k, at, None], 0.0)
                Su = times(u[None])[0]
                found[k, at] = Su @ W
                self._add(into[k], Su, h[at])
                if r is not None and self.weight is not None:
                    found[k, at] += r @ self._own(self.weight, rows[k])
                    self._own(self.weight, into[k]).addmm_(r.T, pushed[k, at])
        return found

    def pushed_logits(self, h: Tensor, pushed: Tensor, row: Tensor) -> Tensor:
        """u (N, K) of one vector (p,)."""
        u = pushed @ self.layer.weight.detach().T
        if self.weight is not None:
            u.addmm_(h, self._own(self.weight, row).T)
        if self.bias is not None:
            u += row[self.bias.slice]
        return u

    def pulled(self, h: Tensor, seeds: Tensor, into: Tensor) -> Tensor:
        """Cotangents (N, d) on h of seeds (N, K) on logits; the head's own are added to (p,)."""
        self._add(into, seeds, h)
        return seeds @ self.layer.weight.detach()

    def _add(self, into: Tensor, seeds: Tensor, h: Tensor) -> None:
        if self.weight is not None:
            self._own(self.weight, into).addmm_(seeds.T, h)
        if self.bias is not None:
            into[self.bias.slice] += seeds.sum(0)

    def _own(self, place: Place, row: Tensor) -> Tensor:
        return row[place.slice].view(place.shape)

    def _offset(self) -> Tensor | None:
        return None if self.layer.bias is None else self.layer.bias.detach()

    def chunks(self, h: Tensor) -> Iterator[slice]:
        """Positions of h (N, d) whose logits stand at a time."""
        words, size = self.layer.out_features, h.element_size()
        count = max(1, CHUNK_BYTES // (words * size))
        return (slice(k, min(k + count, len(h))) for k in range(0, len(h), count))


def token_head(minimum: Minimum) -> TokenHead | None:
    """The head of a network of logits of positions, found by running one sequence.

    None where the last linear layer's outputs are not, number by number, the network's (scaled or
    capped logits), where they are no more than what it is given, or where the body has no
    forward-mode derivative: autograd through all logits does those.
    """
    loss = minimum.loss
    if not isinstance(loss, TokenCrossEntropy):
        return None
    layers = [each for each in minimum.network.modules() if type(each) is nn.Linear]
    with recorded(layers) as calls, torch.no_grad():
        outputs = minimum.network(minimum.inputs[:1])
    if not calls or not _ends_in(calls, outputs):
        return None
    layer = calls[-1].layer
    assert isinstance(layer, nn.Linear)
    places = {id(q): minimum.places.get(k) for k, q in minimum.network.named_parameters()}
    bias = None if layer.bias is None else places[id(layer.bias)]
    head = TokenHead(layer, loss, places[id(layer.weight)], bias, outputs.shape[1])
    return head if _has_tangents(head, minimum) else None


def _ends_in(calls: list[Call], outputs: Tensor) -> bool:
    """Whether the last call's outputs are those of the network, at its first positions."""
    last = calls[-1]
    if sum(each.layer is last.layer for each in calls) > 1 or outputs.ndim != 3:
        return False
    wide = last.output.shape[-1] > last.given[0].shape[-1]
    return wide and torch.equal(last.output[:, : outputs.shape[1]], outputs)


def _has_tangents(head: TokenHead, minimum: Minimum) -> bool:
    # Copies: the tangent of a view of θ is as large as θ, for every parameter.
    parameters = {k: v.clone() for k, v in minimum.unflatten(minimum.theta).items()}
    zeros = {k: torch.zeros_like(v) for k, v in parameters.items()}
    try:
        pushed(head, minimum, parameters, zeros, slice(0, 1))
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        return False
    return True


def pushed(
    head: TokenHead,
    minimum: Minimum,
    parameters: dict[str, Tensor],
    tangents: dict[str, Tensor],
    examples: slice,
) -> Tensor:
    """h' (m, T, d) along tangents of the parameters, by one forward-mode pass of the body."""

    def body(q: dict[str, Tensor]) -> Tensor:
        return head.hidden(minimum, q, minimum.inputs[examples])

    with torch.no_grad():
        found: Tensor = torch.func.jvp(body, (parameters,), (tangents,))[1]
    return found
