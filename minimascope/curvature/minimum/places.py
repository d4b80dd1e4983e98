"""Where an eigenvector lives: its mass on each layer, a layer being the module with parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum


def layer_indices(minimum: Minimum) -> dict[str, Tensor]:
    """Positions in θ of every layer's parameters, by module name, in θ order."""
    found: dict[str, list[Tensor]] = {}
    start = 0
    for name, shape in zip(minimum.names, minimum.shapes, strict=True):
        layer = name.rpartition(".")[0] or "network"  # parameters of the root module itself
        found.setdefault(layer, []).append(torch.arange(start, start + shape.numel()))
        start += shape.numel()
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def layer_mass(eigenvectors: Tensor, minimum: Minimum) -> tuple[list[str], Tensor]:
    """Layer names and (k, layers) sums of squares of (k, p) eigenvectors; rows sum to 1."""
    squares = eigenvectors.double().square()
    layers = layer_indices(minimum)
    masses = [squares[:, indices.to(squares.device)].sum(1) for indices in layers.values()]
    return list(layers), torch.stack(masses, dim=1)
