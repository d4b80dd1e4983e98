"""Where inputs have no plane of their own (token ids): what the network's last layer is given.

Distances of ids mean nothing; those of the penultimate layer are what the classes are told by.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimascope.boundary.planes import embedding
from minimascope.curvature.minimum.batches import as_matrix, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.positions import LOGITS_AT_ONCE


def representation(minimum: Minimum) -> Tensor | None:
    """First two principal components (n, 2) of `penultimate`; None where there are not two."""
    found = penultimate(minimum).double()
    if len(found) < 3 or found.shape[1] < 2:
        return None
    return embedding(found, dims=2)


def penultimate(minimum: Minimum) -> Tensor:
    """What the last linear layer is given (n, d), or the outputs where none is told apart.

    A layer that sees the positions of a sequence one by one gives their mean.
    """
    last = _last_linear(minimum.network)
    given: list[Tensor] = []

    def hear(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        given.append(args[0])

    hook = last.register_forward_pre_hook(hear) if last is not None else None
    parts: list[Tensor] = []
    try:
        with torch.no_grad():
            for part in minimum.inputs.split(_rows(minimum)):
                given.clear()
                outputs = minimum.network(part)
                seen = given[-1] if given and len(given[-1]) == len(part) else outputs
                parts.append(seen.mean(dim=1) if seen.ndim == 3 else as_matrix(seen))
    finally:
        if hook is not None:
            hook.remove()
    return torch.cat(parts)


def _rows(minimum: Minimum) -> int:
    """How many inputs at a time: of texts no more than have room for all of their logits."""
    rows = rows_in_cache(minimum.inputs)
    if minimum.loss.reads != "labels_of_positions":
        return rows
    with torch.no_grad():
        each = minimum.network(minimum.inputs[:1]).numel()
    return max(1, min(rows, LOGITS_AT_ONCE // each))


def _last_linear(network: nn.Module) -> nn.Module | None:
    """The last one in the order of definition; programs of files have no layers as modules."""
    layers = [each for each in network.modules() if isinstance(each, nn.Linear)]
    return layers[-1] if layers else None
