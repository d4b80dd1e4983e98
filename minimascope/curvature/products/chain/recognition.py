"""Networks that are one layer after another, recognised.

Recognised by running a few examples: every layer takes the very tensor that the one before gave,
and the last one's output is the network's. Whatever else happens in a network (skip connections,
attention, calls of torch.nn.functional) breaks the chain, and autograd does the products.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from minimascope.curvature.layers.recorder import recorded
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place

ACTIVATIONS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Tanh,
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Softplus,
    nn.Softsign,
    nn.Hardswish,
    nn.Hardtanh,
)
RESHAPES = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
MAXIMA = (nn.MaxPool1d, nn.MaxPool2d)
LINEAR = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.ZeroPad2d)
KNOWN = {nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d}
KNOWN |= {*ACTIVATIONS, *RESHAPES, *MAXIMA, *LINEAR}


@dataclass(frozen=True)
class Chain:
    """The layers in the order in which they run, with the places of their parameters in θ."""

    layers: list[nn.Module]
    places: dict[int, dict[str, Place]]  # by id of the layer, by name of the parameter

    def is_block(self, moved: range) -> bool:
        """Whether a range of θ takes every layer whole or not at all."""
        cuts = (moved.start, moved.stop)
        for places in self.places.values():
            starts = [place.start for place in places.values()]
            stops = [place.stop for place in places.values()]
            if any(min(starts) < cut < max(stops) for cut in cuts):
                return False
        return True


def recognise(minimum: Minimum) -> Chain | None:
    """The network as a chain of known layers, all of whose parameters are trainable; or None."""
    layers = [each for each in minimum.network.modules() if not list(each.children())]
    calls = _calls(minimum, layers)
    if not calls:
        return None
    used = {id(layer) for layer in calls}
    owners = [layer for layer in calls if list(layer.parameters(recurse=False))]
    if len({id(layer) for layer in owners}) < len(owners):
        return None  # a layer that runs twice
    if _tied(owners):
        return None
    if not all(_is_known(layer, minimum) for layer in calls):
        return None
    places = _places(minimum)
    # Parameters that no layer of the chain uses stay 0 in every product, as in autograd.
    return Chain(calls, {key: place for key, place in places.items() if key in used})


def _calls(minimum: Minimum, layers: list[nn.Module]) -> list[nn.Module] | None:
    """Layers in the order of their calls if each takes what the last one gave."""
    passed = minimum.inputs[:1]
    with recorded(layers) as calls, torch.no_grad():
        output = minimum.network(passed)
    for call in calls:
        if len(call.given) != 1 or call.given[0] is not passed:
            return None
        passed = call.handed_on
    whole = output is passed and output.ndim == 2
    return [call.layer for call in calls] if whole else None


def _is_known(layer: nn.Module, minimum: Minimum) -> bool:
    if type(layer) not in KNOWN or _is_decorated(layer):
        return False
    if any(not q.requires_grad for q in layer.parameters()):
        return False
    if isinstance(layer, nn.Conv2d):
        # In float32 oneDNN is as fast and keeps no windows; other devices have their own libraries.
        here = minimum.inputs.dtype == torch.float64 and minimum.inputs.device.type == "cpu"
        zeros = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return here and zeros and layer.groups == 1
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return layer.affine and layer.running_mean is not None
    if isinstance(layer, nn.Flatten):
        return layer.start_dim == 1
    if isinstance(layer, nn.Unflatten):
        return layer.dim == 1
    return not (isinstance(layer, MAXIMA) and layer.return_indices)


def _tied(layers: list[nn.Module]) -> bool:
    """One parameter in two layers: its part of θ has one name, and a layer would lack its own."""
    own = [id(q) for layer in layers for q in layer.parameters(recurse=False)]
    return len(set(own)) < len(own)


def _is_decorated(layer: nn.Module) -> bool:
    """Hooks or parametrizations that compute what the layer's class does not say."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks) or hasattr(
        layer, "parametrizations"
    )


def _places(minimum: Minimum) -> dict[int, dict[str, Place]]:
    places: dict[int, dict[str, Place]] = {}
    for place in minimum.places.values():
        layer = minimum.network.get_submodule(place.module)
        places.setdefault(id(layer), {})[place.role] = place
    return places
