"""Weights that were pruned: the numbers that the mask took stay 0, whatever becomes of the rest."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrize
from typing_extensions import override


class Masked(nn.Module):
    """The weight of a layer times its mask, as torch's pruning computes it in every forward pass.

    What the mask takes has no gradient of the loss, no curvature and, being 0, no decay.
    """

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.mask: Tensor

    @override
    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def mask(network: nn.Module, masks: dict[str, Tensor]) -> None:
    """Puts each mask before the parameter of its name, in place."""
    for name, each in masks.items():
        owner, _, leaf = name.rpartition(".")
        layer = network.get_submodule(owner)
        weight = getattr(layer, leaf)
        if isinstance(weight, nn.Parameter) and weight.shape == each.shape:
            parametrize.register_parametrization(layer, leaf, Masked(each.to(weight.dtype)))
