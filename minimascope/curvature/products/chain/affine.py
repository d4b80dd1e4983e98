"""Linear layers and convolutions as links: W a + bias at every position of an example."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override  # comes with torch

from minimascope.curvature.minimum.places import Place
from minimascope.curvature.products.chain.arena import Scratch
from minimascope.curvature.products.chain.links import Link, Seen, Turn
from minimascope.curvature.products.chain.positions import Positions


class Affine(Link):
    """`given` is the layer's input at the minimum, kept as (m·T, d) or, with a bias, [given, 1].

    The column of ones makes the bias one more weight: no product and no sum of its own.
    """

    def __init__(
        self,
        positions: Positions,
        given: Tensor,
        weight: Tensor,
        place: Place,
        bias: Place | None,
        scratch: Scratch,
    ) -> None:
        self._positions, self._place, self._bias, self._scratch = positions, place, bias, scratch
        columns = positions.columns(given)
        self._positions_of_example = columns.shape[1]
        rows = columns.flatten(0, 1)
        # Columns of a convolution lie in the arena: copied in either case.
        self._given = (
            rows.clone() if bias is None else torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
        )
        self._weight = positions.matrices(weight[None])[0].contiguous()
        self._sensitivity: Tensor | None = None

    def value(self, bias: Tensor | None) -> Tensor:
        """The layer's output at the minimum."""
        weight = self._weight if bias is None else torch.cat([self._weight, bias[:, None]], 1)
        return self._outputs(self._given @ weight.T)

    @override
    def settle(self, S: Tensor) -> None:
        self._sensitivity = self._positions.outputs_back(S).flatten(0, 1).clone()

    @override
    def push(self, tangent: Tensor | None, rows: Tensor | None) -> tuple[Tensor | None, Seen]:
        if tangent is None and rows is None:
            return None, ()
        columns = None if tangent is None else self._positions.columns(tangent).flatten(0, 1)
        seen: Seen = () if columns is None else (columns,)
        if rows is None:
            assert columns is not None
            out = self._scratch.take("out", (len(columns), len(self._weight)), columns)
            return self._outputs(torch.mm(columns, self._weight.T, out=out)), seen
        b, V = rows.shape[0], self._direction(rows)
        out = self._scratch.take("out", (b, len(self._given), len(self._weight)), rows)
        torch.bmm(self._given.expand(b, -1, -1), V.mT, out=out)
        out = out.flatten(0, 1)
        if columns is not None:
            out.addmm_(columns, self._weight.T)
        return self._outputs(out), seen

    @override
    def pull(self, D: Tensor, seen: Seen, turn: Turn, *, first: bool) -> Tensor | None:
        D = self._positions.outputs_back(D).flatten(0, 1)
        S = self._sensitivity if turn.bent else None
        if turn.out is not None:
            self._gain(D, seen, S, turn.out)
        if first:
            return None
        back = self._scratch.take("back", (len(D), self._weight.shape[1]), D)
        torch.mm(D, self._weight, out=back)
        if S is not None and turn.rows is not None:  # S V, the weights' own motion
            b = turn.rows.shape[0]
            V = self._positions.matrices(self._place.of(turn.rows))
            back.view(b, len(S), -1).baddbmm_(S.expand(b, -1, -1), V)
        return self._positions.columns_back(back.unflatten(0, (-1, self._positions_of_example)))

    def _outputs(self, rows: Tensor) -> Tensor:
        return self._positions.outputs(rows.unflatten(0, (-1, self._positions_of_example)))

    def _direction(self, rows: Tensor) -> Tensor:
        """[V, v] (b, o, d + 1), or V (b, o, d) where there is no bias."""
        V = self._positions.matrices(self._place.of(rows))
        if self._bias is None:
            return V
        b, o, d = V.shape
        both = self._scratch.take("direction", (b, o, d + 1), rows)
        both[:, :, :d] = V
        both[:, :, d] = self._bias.of(rows)
        return both

    def _gain(self, D: Tensor, seen: Seen, S: Tensor | None, out: Tensor) -> None:
        """Adds Dᵀ [A, 1] + Sᵀ (tangent of A) to the layer's part of `out`."""
        b, d = out.shape[0], self._weight.shape[1]
        parts = D.reshape(b, -1, D.shape[1]).mT
        gained = self._scratch.take("gained", (*parts.shape[:2], self._given.shape[1]), D)
        torch.bmm(parts, self._given.expand(b, -1, -1), out=gained)
        if S is not None and seen:
            tangents = seen[0].view(b, -1, d)
            gained[:, :, :d].baddbmm_(S.T.expand(b, -1, -1), tangents)
        self._place.of(out).add_(self._positions.matrices_back(gained[:, :, :d]))
        if self._bias is not None:
            self._bias.of(out).add_(gained[:, :, d])

    @override
    def tensors(self) -> list[Tensor]:
        return [self._given] + ([] if self._sensitivity is None else [self._sensitivity])
