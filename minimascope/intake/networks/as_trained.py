"""Inputs as the network had them in training: axes in torch's order, bytes as numbers up to one.

What is changed is said; where shapes leave no doubt nothing is asked.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from minimascope.intake.networks.program import Program
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.loss import Loss

EXAMPLES = 1000
_CONVOLUTIONS: dict[type[nn.Module], int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}


def in_axes(network: nn.Module, data: Dataset) -> Dataset:
    """Channels first where they came last, and the axis of one channel where it was left out."""
    given, wanted = list(data.inputs.shape[1:]), _wanted(network, data.inputs)
    if wanted is None or given == wanted or len(wanted) < 2:
        return data
    if given == [*wanted[1:], wanted[0]]:
        inputs = data.inputs.movedim(-1, 1).contiguous()
        said = f"Inputs of shape {given} were read with channels last and put first: {wanted}."
    elif wanted[0] == 1 and given == wanted[1:]:
        inputs = data.inputs.unsqueeze(1)
        said = f"Inputs of shape {given} were given the axis of their one channel: {wanted}."
    else:
        return data
    return replace(data, inputs=inputs, warnings=[*data.warnings, said])


def _wanted(network: nn.Module, inputs: Tensor) -> list[int] | None:
    """The shape of an example that the network takes, where that is known."""
    if isinstance(network, Program):
        sizes = network.input_sizes
        return None if None in sizes else [size for size in sizes if size is not None]
    first = next((m for m in network.modules() if list(m.parameters(recurse=False))), None)
    axes = _CONVOLUTIONS.get(type(first)) if first is not None else None
    if axes is None or not isinstance(first, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return None
    channels, given = first.in_channels, list(inputs.shape[1:])
    if len(given) == axes + 1 and given[0] != channels == given[-1]:
        return [channels, *given[:-1]]
    return [1, *given] if len(given) == axes and channels == 1 else given


def in_scale(
    network: nn.Module, train: Dataset, test: Dataset | None, loss: Loss
) -> tuple[Dataset, Dataset | None]:
    """Bytes as they are or divided by 255: tried both ways, the one of less loss taken and said."""
    weight = next((q for q in network.parameters() if q.is_floating_point()), None)
    if not train.bytes or weight is None or not train.inputs.is_floating_point():
        return train, test
    raw, small = (_mean(network, train.inputs / by, train.targets, loss, weight) for by in (1, 255))
    better = small < raw
    what = "were divided by 255" if better else "are taken as they are"
    said = (
        f"Inputs are bytes and {what}: the loss is {small:.4g} of bytes / 255, {raw:.4g} of the "
        "bytes themselves."
    )
    train = replace(train, warnings=[*train.warnings, said])
    if not better:
        return train, test
    train = replace(train, inputs=train.inputs / 255)
    return train, test if test is None or not test.bytes else replace(
        test, inputs=test.inputs / 255
    )


def _mean(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss, weight: Tensor) -> float:
    """Mean loss of the first examples; infinite where it cannot be computed."""
    some, goals = inputs[:EXAMPLES].to(weight), targets[:EXAMPLES].to(weight.device)
    try:
        with torch.no_grad():
            outputs = network.eval()(some).reshape(len(some), -1)
            found = float(loss.of_data(goals).mean(outputs, goals))
    except (RuntimeError, ValueError, IndexError):
        return float("inf")
    return found if found == found else float("inf")
