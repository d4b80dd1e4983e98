"""What a computation's numbers depend on, in one string: whose kept state may be gone on from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum


def fingerprint(minimum: Minimum, *, seed: int, also: Sequence[Tensor] = ()) -> str:
    """SHA-256 of network, parameters, buffers, precision, data, objective, seed, and of `also`."""
    said = f"{minimum.network} {minimum.names} {minimum.objective} {seed}"
    digest = hashlib.sha256(said.encode())
    fixed = [q for q in minimum.network.parameters() if not q.requires_grad]
    buffers = [*minimum.network.buffers(), *fixed]
    copies = [] if minimum.groups is None else [minimum.groups]
    told = tensors_in(minimum.objective)
    for tensor in (minimum.theta, *buffers, minimum.inputs, minimum.targets, *told, *copies, *also):
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def tensors_in(value: object) -> Iterator[Tensor]:
    """Every tensor in a value made of dataclasses and mappings: their text leaves digits out."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from tensors_in(getattr(value, field.name))
