"""Chains of layers that bare weights allow: what shapes tell, and the few choices they leave.

Shapes tell channels, kernel sizes, widths and batch norms. They do not tell the activation,
padding, pooling or stride; the usual choices of those are listed, and the caller tries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.groups import Group
from minimascope.intake.networks.layers import ACTIVATIONS

_POOLS = ((None, 2), ("MaxPool", 2), ("AvgPool", 2), ("MaxPool", 4), ("AvgPool", 4))
_CONVOLUTION = {3: "Conv1d", 4: "Conv2d"}


@dataclass(frozen=True)
class Choice:
    """What weights leave open. `head`: how features become one row before the first Linear."""

    activation: str
    padded: bool = False
    pool: str | None = None
    size: int = 2
    head: str = "flatten"

    def words(self) -> str:
        """As a person would say it."""
        said = [self.activation]
        if self.padded:
            said.append("same padding")
        pooled = f"{self.pool} of {self.size} after each convolution"
        said.append(pooled if self.pool else "no pooling")
        said.append("global average" if self.head == "average" else "flatten")
        return ", ".join(said)


def _kind(group: Group) -> str:
    """The layer that owns a group of tensors. Raises ProblemError no_candidates."""
    weight = group.tensors.get("weight")
    if weight is not None and "running_mean" in group.tensors and weight.ndim == 1:
        return "BatchNorm"
    if weight is not None and set(group.tensors) <= {"weight", "bias"}:
        if weight.ndim == 2:
            return "Linear"
        if weight.ndim in _CONVOLUTION:
            return _CONVOLUTION[weight.ndim]
    leaf, tensor = next(iter(group.tensors.items()))
    raise ProblemError(
        "no_candidates",
        f"{group.key(leaf)[:100]!r} of shape {list(tensor.shape)} is no weight of a plain chain of "
        "convolutions, batch norms and Linear layers.",
        "Write the architecture yourself (docs/network_architectures.md), or export the model with "
        "minimascope.export: a .pt2 needs none.",
    )


def kinds(chain: list[Group]) -> list[str]:
    """Linear, Conv1d, Conv2d or BatchNorm for each group, in order."""
    return [_kind(group) for group in chain]


def choices(found: list[str]) -> Iterator[Choice]:
    """Every combination of structure a chain leaves open, with one activation (relu)."""
    if not any(kind.startswith("Conv") for kind in found):
        yield Choice("relu")
        return
    for padded, (pool, size), head in product((True, False), _POOLS, ("flatten", "average")):
        yield Choice("relu", padded, pool, size, head)


def _convolution(group: Group, kind: str, choice: Choice) -> list[Any]:
    outputs, inputs, *sizes = group.tensors["weight"].shape
    options: dict[str, Any] = {"kernel_size": sizes if len(sizes) > 1 else sizes[0]}
    if choice.padded:
        options["padding"] = "same"
    if "bias" not in group.tensors:
        options["bias"] = False
    return [kind, inputs, outputs, options]


def _linear(group: Group) -> list[Any]:
    outputs, inputs = group.tensors["weight"].shape
    return ["Linear", inputs, outputs, *([] if "bias" in group.tensors else [{"bias": False}])]


def _to_rows(choice: Choice, axes: int) -> list[Any]:
    """What stands between the features and the first Linear layer."""
    if axes and choice.head == "average":
        return [[f"AdaptiveAvgPool{axes}d", 1], ["Flatten"]]
    return [["Flatten"]]


def sequential(chain: list[Group], choice: Choice) -> dict[str, Any]:
    """The `sequential` spec of a chain under one choice: layer, batch norm, activation, pooling."""
    found = kinds(chain)
    axes = next((int(kind[4]) for kind in found if kind.startswith("Conv")), 0)
    activation = [ACTIVATIONS[choice.activation].__name__]
    layers: list[Any] = []
    flat = False
    for place, (group, kind) in enumerate(zip(chain, found, strict=True)):
        if kind == "BatchNorm":
            width = len(group.tensors["weight"])
            layers.append([f"BatchNorm{1 if flat or not axes else axes}d", width])
        elif kind == "Linear":
            layers += [*([] if flat else _to_rows(choice, axes)), _linear(group)]
            flat = True
        else:
            layers.append(_convolution(group, kind, choice))
        normed = found[place + 1 : place + 2] == ["BatchNorm"]
        if not normed and place + 1 < len(chain):
            layers.append(activation)
            if choice.pool and not flat:
                layers.append([f"{choice.pool}{axes}d", choice.size])
    return {"family": "sequential", "layers": layers}
