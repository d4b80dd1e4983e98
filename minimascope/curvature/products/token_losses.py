"""What the loss makes of whole sequences, by the logits of some positions at a time.

With h what the head is given (`token_head`), the logits of a chunk of positions are W h + b, those
to first order along δθ that and W h' + δW h + δb. Where a network has no such head, the logits of
one sequence stand at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import split
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.token_head import TokenHead, pushed
from minimascope.objective.loss import Loss


class Moved(NamedTuple):
    """Loss of a sequence under each of some losses (l,), nats: of the network at θ + δθ, and of the
    outputs to first order; the latter of the first loss with logits divided by temperatures too."""

    network: Tensor
    linear: Tensor
    tempered: Tensor


@torch.no_grad()
def sequence_losses(
    minimum: Minimum,
    head: TokenHead | None,
    data: tuple[Tensor, Tensor],
    losses: Sequence[Loss],
    theta: Tensor | None = None,
) -> Tensor:
    """Each loss of each sequence (l × n) at θ (default: the network's own)."""
    at, found = minimum.theta if theta is None else theta, list[Tensor]()
    size = 1 if head is None else head.sequences_at_once
    for x, y in zip(data[0].split(size), data[1].split(size), strict=True):
        total = at.new_zeros(len(losses), len(y))
        for piece in _pieces(minimum, head, x, y, at):
            total.index_add_(1, piece.sequence, piece.values(losses))
        found.append(total)
    return torch.cat(found, dim=1)


@torch.no_grad()
def moved_sequence(
    minimum: Minimum,
    head: TokenHead | None,
    sequence: int,
    step: Tensor,
    losses: Sequence[Loss],
    temperatures: Tensor,
) -> Moved:
    """Of one sequence, where θ moves by `step` (p,)."""
    own = slice(sequence, sequence + 1)
    data, theta = (minimum.inputs[own], minimum.targets[own]), minimum.theta
    network = sequence_losses(minimum, head, data, losses, theta + step)[:, 0]
    linear, tempered = theta.new_zeros(len(losses)), theta.new_zeros(len(temperatures))
    for piece in _linear(minimum, head, sequence, step):
        linear += piece.values(losses).sum(1)
        for k, T in enumerate(temperatures.tolist()):
            cooled = piece._replace(logits=piece.logits / T)
            tempered[k] += cooled.values(losses[:1]).sum()
    return Moved(network, linear, tempered)


class _Piece(NamedTuple):
    """Logits (N × K) of some positions with their labels, and which sequence each is of; or of one
    whole sequence (1 × T·K)."""

    sequence: Tensor
    logits: Tensor
    labels: Tensor

    def values(self, losses: Sequence[Loss]) -> Tensor:
        """(l × N)."""
        return torch.stack([each.values(self.logits, self.labels) for each in losses])


def _pieces(
    minimum: Minimum, head: TokenHead | None, x: Tensor, y: Tensor, theta: Tensor
) -> Iterator[_Piece]:
    """Of some sequences at θ; of one where there is no head."""
    if head is None:
        logits = as_matrix(minimum.logits(theta, x))
        yield _Piece(torch.arange(len(y), device=y.device), logits, y)
        return
    h = head.hidden(minimum, minimum.unflatten(theta), x).flatten(0, 1)
    W, b = head.weights_at(theta)
    for at, sequence, labels in _labelled(head, h, y):
        yield _Piece(sequence, nn.functional.linear(h[at], W, b), labels)


def _linear(
    minimum: Minimum, head: TokenHead | None, sequence: int, step: Tensor
) -> Iterator[_Piece]:
    """Of one sequence, z + J δθ."""
    own, theta = slice(sequence, sequence + 1), minimum.theta
    x, y = minimum.inputs[own], minimum.targets[own]
    if head is None:
        at = torch.tensor([sequence], device=theta.device)
        with torch.enable_grad():
            along = Ggn(minimum, chunk=1, retain="never").left_out(step[None], at)[1]
        for piece in _pieces(minimum, head, x, y, theta):
            yield piece._replace(logits=piece.logits + along.detach())
        return
    parameters = {name: each.clone() for name, each in minimum.unflatten(theta).items()}
    h = head.hidden(minimum, parameters, x).flatten(0, 1)
    h_along = pushed(head, minimum, parameters, split(step, minimum.places), own).flatten(0, 1)
    for at, of, labels in _labelled(head, h, y):
        moved = head.pushed_logits(h[at], h_along[at], step)
        yield _Piece(of, moved.add_(head.logits(h[at])), labels)


def _labelled(head: TokenHead, h: Tensor, y: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Some positions of h (m·T × d) at a time, their sequences and their labels (N × 1)."""
    of = torch.arange(len(y), device=y.device).repeat_interleave(y.shape[1])
    labels = y.reshape(-1, 1)
    for at in head.chunks(h):
        yield at, of[at], labels[at]
