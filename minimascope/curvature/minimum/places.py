"""Where a parameter lies in θ: the only code that says so.

θ is the concatenation of all trainable parameters in `named_parameters` order, row-major. A layer
is the module with parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Place:
    """A parameter's part of θ: [start, start + shape.numel())."""

    name: str
    start: int
    shape: torch.Size

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.shape.numel()

    @property
    def stop(self) -> int:
        """Where the next parameter starts."""
        return self.start + self.size

    @property
    def slice(self) -> slice:
        """Its part of a (p,) vector."""
        return slice(self.start, self.stop)

    @property
    def module(self) -> str:
        """Name of the module it belongs to, "" for the root module itself."""
        return self.name.rpartition(".")[0]

    @property
    def layer(self) -> str:
        """The same as people are shown it: "network" for the root module."""
        return self.module or "network"

    @property
    def role(self) -> str:
        """Its name within that module, such as "weight"."""
        return self.name.rpartition(".")[2]

    def of(self, rows: Tensor) -> Tensor:
        """Its part of (b, p) rows as (b, *shape), a view where b is 1."""
        return rows[:, self.slice].view((rows.shape[0], *self.shape))


Places = Mapping[str, Place]


def places_of(network: nn.Module) -> dict[str, Place]:
    """The place of every trainable parameter by name, in θ order."""
    found: dict[str, Place] = {}
    start = 0
    for name, q in network.named_parameters():
        if q.requires_grad:
            found[name] = Place(name, start, q.shape)
            start = found[name].stop
    return found


def split(rows: Tensor, places: Places) -> dict[str, Tensor]:
    """(..., p) rows as (..., *shape) by name: views, differentiable."""
    parts = torch.split(rows, [place.size for place in places.values()], dim=-1)
    return {
        place.name: part.reshape((*part.shape[:-1], *place.shape))
        for place, part in zip(places.values(), parts, strict=True)
    }


def by_layer(places: Places) -> dict[str, list[Place]]:
    """The places of every layer's parameters, in θ order."""
    found: dict[str, list[Place]] = {}
    for place in places.values():
        found.setdefault(place.layer, []).append(place)
    return found


def positions(places: list[Place]) -> Tensor:
    """Positions in θ of some parameters, in their order."""
    return torch.cat([torch.arange(place.start, place.stop) for place in places])


def layer_indices(places: Places) -> dict[str, Tensor]:
    """Positions in θ of every layer's parameters, by module name, in θ order."""
    return {layer: positions(own) for layer, own in by_layer(places).items()}


def layer_mass(eigenvectors: Tensor, places: Places) -> tuple[list[str], Tensor]:
    """Layer names and (k, layers) sums of squares of (k, p) eigenvectors; rows sum to 1."""
    squares = eigenvectors.double().square()
    layers = layer_indices(places)
    masses = [squares[:, indices.to(squares.device)].sum(1) for indices in layers.values()]
    return list(layers), torch.stack(masses, dim=1)
