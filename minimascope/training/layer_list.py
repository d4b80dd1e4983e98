"""A chain of torch's own layers as the architecture that bare weights are sent with.

More is known of such a network than of a program: which numbers belong to which layer.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.chain import Chain
from minimascope.intake.values.checkpoint import Checkpoint

NOT_SAID = ("self", "device", "dtype", "inplace", "args", "kwargs")


def architecture_of(network: nn.Module, few: Tensor) -> dict[str, Any] | None:
    """The spec (docs/network_architectures.md) of a chain with the outputs on `few` inputs.

    None for any other network.
    """
    if not isinstance(network, Chain):
        return None
    spec = {"family": "sequential", "layers": [_layer(each) for each in network.layers]}
    weights = {name: each.detach().clone() for name, each in network.state_dict().items()}
    try:
        built = build_network(Checkpoint(weights, "memory", ""), copy.deepcopy(spec))
    except (ProblemError, TypeError, ValueError, AttributeError):
        return None
    same_names = [n for n, _ in built.named_parameters()] == [
        n for n, _ in network.named_parameters()
    ]
    with torch.no_grad():
        return spec if same_names and torch.equal(built(few), network(few)) else None


def _layer(layer: nn.Module) -> list[Any]:
    """Its name and the arguments of its constructor, as its attributes have them."""
    said: dict[str, Any] = {}
    for name, each in inspect.signature(type(layer).__init__).parameters.items():
        if name in NOT_SAID or not hasattr(layer, name):
            continue
        value = getattr(layer, name)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None
        if value != each.default:
            said[name] = list(value) if isinstance(value, (tuple, torch.Size)) else value
    return [type(layer).__name__, said] if said else [type(layer).__name__]
