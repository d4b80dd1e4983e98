"""What ranks other than the first do: their part of each sum, until rank 0 has no more to ask."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import GgnSum
from minimascope.curvature.products.gradient import GradientSum
from minimascope.curvature.products.hessian import HessianSum
from minimascope.curvature.products.second_moment import MomentSum
from minimascope.curvature.products.spread import Part, constants
from minimascope.curvature.running.ranks import Ranks

KINDS = {each.__name__: each for each in (GgnSum, GradientSum, HessianSum, MomentSum)}


def follow(ranks: Ranks, root: Minimum) -> dict[str, Any]:
    """Returns rank 0's last words. Raises RankLostError where rank 0 is gone.

    The root takes rank 0's constants: running statistics of training differ by process.
    """
    with torch.no_grad():
        for tensor in constants(root):
            tensor.copy_(ranks.broadcast(tensor.clone()))
    held: dict[int, Any] = {}
    while True:
        words = ranks.hear()
        if words["do"] == "end":
            return words
        if words["do"] == "build":
            for gone in words["gone"]:
                held.pop(gone, None)
            _build(ranks, root, words, held)
        else:
            _sum(ranks, words, held)


def tell_constants(ranks: Ranks, root: Minimum) -> None:
    """Rank 0's side of the beginning of `follow`."""
    for tensor in constants(root):
        ranks.broadcast(tensor)


def _build(ranks: Ranks, root: Minimum, words: dict[str, Any], held: dict[int, Any]) -> None:
    theta = ranks.broadcast(_room(words["theta"], ranks))
    inputs, targets, sent = root.inputs, root.targets, words["sent"]
    if sent:
        targets = ranks.broadcast(_room(words["targets"], ranks))
    own = ranks.share_of(len(targets))
    if sent:
        shape = [own.stop - own.start, *words["inputs"]["shape"][1:]]
        inputs = ranks.take(_room({**words["inputs"], "shape": shape}, ranks))

    def build() -> list[Tensor]:
        part = Minimum(
            _with(root, theta),
            _in(theta, inputs if sent else inputs[own]),
            _in(theta, targets[own]),
            root.objective.of_data(_in(theta, targets)),
        )
        made = KINDS[words["kind"]](Part(part, own.start, len(targets)), **words["options"])
        held[words["id"]] = made
        return []

    ranks.together(build)


def _sum(ranks: Ranks, words: dict[str, Any], held: dict[int, Any]) -> None:
    args: list[Any] = []
    for each in words["args"]:
        if "shape" in each:
            args.append(ranks.broadcast(_room(each, ranks)))
        else:
            args.append(range(*each["range"]) if "range" in each else each["value"])
    ranks.together(lambda: getattr(held[words["id"]], words["method"])(*args))


def _room(said: dict[str, Any], ranks: Ranks) -> Tensor:
    return torch.empty(said["shape"], dtype=getattr(torch, said["dtype"]), device=ranks.device)


def _in(theta: Tensor, values: Tensor) -> Tensor:
    return values.to(theta.dtype) if values.is_floating_point() else values


def _with(root: Minimum, theta: Tensor) -> torch.nn.Module:
    """The root's network with these weights, in their precision."""
    network = copy.deepcopy(root.network).to(theta.dtype)
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, place in root.places.items():
            parameters[name].copy_(theta[place.slice].view(place.shape))
    return network
