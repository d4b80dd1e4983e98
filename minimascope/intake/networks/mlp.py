"""Multilayer perceptrons out of bare weights: which tensors form one chain of Linear layers."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.chain import Chain
from minimascope.intake.networks.groups import Group, groups
from minimascope.intake.networks.layers import activation, architecture_invalid
from minimascope.intake.networks.order import open_order, orders
from minimascope.intake.values.checkpoint import Checkpoint


def mismatch(sentence: str) -> ProblemError:
    """Weights and architecture do not belong together."""
    return ProblemError(
        "architecture_mismatch",
        sentence,
        "Compare the table of layers with the architecture (docs/network_architectures.md).",
    )


def _check_linear(group: Group) -> None:
    """Raises ProblemError unless the group is one Linear layer: weight K × D, bias K."""
    for leaf, tensor in group.tensors.items():
        if leaf not in ("weight", "bias"):
            raise mismatch(
                f"An MLP has only weights and biases, but the checkpoint has "
                f"{group.key(leaf)[:100]!r} of shape {list(tensor.shape)}."
            )
    weight, bias = group.tensors.get("weight"), group.tensors.get("bias")
    if weight is None or weight.ndim != 2 or not weight.is_floating_point():
        leaf, tensor = next(iter(group.tensors.items()))
        raise mismatch(
            f"An MLP has weight matrices, but {group.key(leaf)[:100]!r} has shape "
            f"{list(tensor.shape)} and dtype {tensor.dtype}."
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise mismatch(
            f"{group.key('bias')[:100]!r} has shape {list(bias.shape)}, but its weight of shape "
            f"{list(weight.shape)} needs [{weight.shape[0]}]."
        )


def _widths(group: Group) -> tuple[int, int]:
    """Inputs and outputs of a Linear group."""
    outputs, inputs = group.tensors["weight"].shape
    return int(inputs), int(outputs)


def _fits(chain: list[Group]) -> bool:
    return all(_widths(a)[1] == _widths(b)[0] for a, b in pairwise(chain))


def _follows(chain: list[Group], group: Group) -> bool:
    return not chain or _widths(chain[-1])[1] == _widths(group)[0]


def _break(chain: list[Group]) -> ProblemError:
    """Names the first pair of layers whose widths do not fit."""
    for a, b in pairwise(chain):
        if _widths(a)[1] != _widths(b)[0]:
            return mismatch(
                f"{b.key('weight')[:100]!r} of shape {list(b.tensors['weight'].shape)} cannot "
                f"follow {a.key('weight')[:100]!r} of shape {list(a.tensors['weight'].shape)}: "
                f"{_widths(a)[1]} outputs meet {_widths(b)[0]} inputs."
            )
    raise AssertionError("called on a chain that fits")


def linear_chain(checkpoint: Checkpoint) -> list[Group]:
    """The Linear layers in order: as saved, or, where names were sorted, the one order that fits.

    Raises ProblemError: architecture_mismatch (other tensors, widths that do not fit), order_open
    (names and widths leave the order open).
    """
    found = groups(checkpoint)
    for group in found:
        _check_linear(group)
    if not checkpoint.ordered:
        possible = orders(checkpoint, _follows)
        if len(possible) > 1:
            raise open_order(*possible)
        if possible:
            return possible[0]
    if _fits(found):
        return found
    raise _break(found)


def build_mlp(checkpoint: Checkpoint, spec: dict[str, object]) -> tuple[Chain, dict[str, str]]:
    """Linear layers with the activation between them, on meta; and checkpoint key → own key.

    `widths` may be left out; if given they must be those of the weights. Inputs with more than
    one axis are flattened first, which changes nothing for n × D.
    """
    unknown = set(spec) - {"family", "activation", "widths"}
    if unknown:
        raise architecture_invalid(f"An mlp spec has no {min(unknown)[:40]!r}.")
    function = spec.get("activation")
    activation(function)
    chain = linear_chain(checkpoint)
    widths = [_widths(chain[0])[0], *(_widths(group)[1] for group in chain)]
    if spec.get("widths", widths) != widths:
        raise mismatch(
            f"The spec gives the widths {str(spec['widths'])[:100]}, the weights have {widths}."
        )
    layers: list[nn.Module] = [nn.Flatten()]
    names = ["flatten_inputs"]
    for place, group in enumerate(chain):
        inputs, outputs = _widths(group)
        has_bias = "bias" in group.tensors
        layers.append(nn.Linear(inputs, outputs, bias=has_bias, device="meta"))
        names.append(group.name or "layer")
        if place + 1 < len(chain):
            layers.append(activation(function))
            names.append(f"activation_{place + 1}")
    network = Chain(layers, names)
    own = {id(layer): name for name, layer in network.named_modules()}
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    keys = {
        group.key(leaf): f"{own[id(layer)]}.{leaf}"
        for group, layer in zip(chain, linears, strict=True)
        for leaf in group.tensors
    }
    return network, keys
