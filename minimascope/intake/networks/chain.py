"""A chain of layers: modules one after another, under the names the checkpoint gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor, nn
from typing_extensions import override

_PART = re.compile(r"[A-Za-z0-9_]{1,100}")


class Chain(nn.Module):
    """Runs its layers in order. `names` are dotted paths ("encoder.0"), one a layer.

    Unlike nn.Sequential a name may be dotted, so parameter names stay those of the user's own
    network. Names that cannot be attributes are replaced by their place in the chain.
    """

    def __init__(self, layers: Sequence[nn.Module], names: Sequence[str]) -> None:
        super().__init__()
        if not usable(names):
            names = [str(place) for place in range(len(layers))]
        self._names = list(names)
        self._order = list(layers)  # a plain list: registered below, under the names
        for name, layer in zip(names, layers, strict=True):
            *path, leaf = name.split(".")
            owner: nn.Module = self
            for part in path:
                if part not in owner._modules:
                    owner.add_module(part, nn.Module())
                owner = owner.get_submodule(part)
            owner.add_module(leaf, layer)

    @property
    def layers(self) -> list[nn.Module]:
        """In the order in which they run."""
        return list(self._order)

    def with_layer(self, place: int, layer: nn.Module) -> Chain:
        """The same chain and parameters with another layer, without any, at one place."""
        layers = [*self._order[:place], layer, *self._order[place + 1 :]]
        return Chain(layers, self._names).eval()

    def followed_by(self, layer: nn.Module) -> Chain:
        """The same chain and parameters with one more layer."""
        return Chain([*self._order, layer], [*self._names, "logits"]).eval()

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (n × K) of inputs (n × ...)."""
        for layer in self._order:
            inputs = layer(inputs)
        return inputs


def usable(names: Sequence[str]) -> bool:
    """True where all dotted names can be attributes, none twice, none the beginning of another."""
    taken = set(dir(nn.Module()))
    paths = [tuple(name.split(".")) for name in names]
    if len(set(paths)) != len(paths):
        return False
    if any(not _PART.fullmatch(part) or part in taken for path in paths for part in path):
        return False
    beginnings = {path[:end] for path in paths for end in range(1, len(path))}
    return not beginnings & set(paths)
