"""A copy in float32, for what is drawn, ranked or searched and then checked in float64.

Convolutions in float64 have no kernels of their own on a CPU: the same pass in float32 takes a
half to a fifth of the time. Small dense networks gain nothing.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare

LARGE = 100_000  # parameters from which on products in float32 are worth a copy
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def single(minimum: Minimum) -> Minimum:
    """The minimum in float32 where that is worth it; itself where it is not, or does not work."""
    if not worth_single(minimum):
        return minimum
    like = {"dtype": torch.float32, "device": minimum.inputs.device}
    network = copy.deepcopy(minimum.network)
    found = prepare(network, minimum.inputs, minimum.targets, loss=minimum.objective, **like)
    try:
        with torch.no_grad():
            outputs = found.network(found.inputs[:2])
    except RuntimeError:  # float64 is written into the network
        return minimum
    return found if outputs.dtype == torch.float32 and outputs.isfinite().all() else minimum


def worth_single(minimum: Minimum) -> bool:
    """Whether a copy in float32 is made."""
    if next(iter(minimum.network.parameters())).dtype != torch.float64:
        return False
    convolves = any(isinstance(layer, CONVOLUTIONS) for layer in minimum.network.modules())
    return convolves or minimum.dim >= LARGE
