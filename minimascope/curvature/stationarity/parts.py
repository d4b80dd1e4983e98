"""Which parameters may have been trained, and how their decay pulls on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place, by_layer
from minimascope.curvature.products.metric import told_steps


@dataclass(frozen=True)
class Part:
    """`chosen` (p,) says what was trained, `pull` (p,) is the decay's gradient for a decay of 1.

    `flags` are fields of the objective that tell it, `said` how it goes on after "weight decay X".
    """

    chosen: Tensor
    pull: Tensor
    flags: dict[str, Any]
    said: str


def whole(minimum: Minimum) -> list[Part]:
    """Everything trained: decay on all, or on matrices only; AdamW's where its state is known."""
    everything = torch.ones(minimum.dim, dtype=torch.bool, device=minimum.theta.device)
    return list(_decayed(minimum, everything, {}, ""))


def without_first_layers(minimum: Minimum) -> list[Part]:
    """All but some first layers trained, the fewest first."""
    layers, found = list(by_layer(minimum.places).items()), list[Part]()
    for count in range(1, len(layers)):
        kept = [place for _, own in layers[count:] for place in own]
        if any(len(place.shape) > 1 for place in kept):
            names = {"trainable": [place.name for place in kept]}
            said = _frozen(count, layers[count - 1][0])
            found += _decayed(minimum, _mask(minimum, kept), names, said)
    return found


def _decayed(minimum: Minimum, chosen: Tensor, flags: dict[str, Any], said: str) -> Iterator[Part]:
    matrices = _mask(minimum, [x for x in minimum.places.values() if len(x.shape) > 1])
    for pull, more, how in _pulls(minimum):
        yield Part(chosen, pull, {**flags, **more}, f" on all parameters{how}{said}")
        if not torch.equal(chosen & matrices, chosen):
            only = {**flags, **more, "decay_on": "matrices"}
            yield Part(
                chosen, torch.where(matrices, pull, 0.0), only, f" on matrices only{how}{said}"
            )


def _pulls(minimum: Minimum) -> Iterator[tuple[Tensor, dict[str, Any], str]]:
    """θ, and Dθ where Adam's state is known: AdamW decays beside the gradient."""
    theta, D = minimum.theta, told_steps(minimum)
    if D is not None:
        yield D * theta, {"optimizer": "adamw"}, " by AdamW"
    yield theta, {}, ""


def _mask(minimum: Minimum, places: list[Place]) -> Tensor:
    mask = torch.zeros(minimum.dim, dtype=torch.bool, device=minimum.theta.device)
    for place in places:
        mask[place.slice] = True
    return mask


def _frozen(count: int, last: str) -> str:
    which = f"the first {count} layers" if count > 1 else "the first layer"
    return f", with {which} (to {last!r}) frozen"
