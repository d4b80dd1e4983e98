"""What a computation's numbers depend on, in one string: whose kept state may be gone on from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum


def fingerprint(minimum: Minimum, *, seed: int, also: Sequence[Tensor] = ()) -> str:
    """SHA-256 of network, parameters, buffers, precision, data, objective, seed, and of `also`."""
    said = f"{minimum.network} {minimum.names} {minimum.objective} {seed}"
    digest = hashlib.sha256(said.encode())
    buffers = list(minimum.network.buffers())
    for tensor in (minimum.theta, *buffers, minimum.inputs, minimum.targets, *also):
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
