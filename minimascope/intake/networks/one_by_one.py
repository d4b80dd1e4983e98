"""Every example has outputs and a label of its own: what follows is per example.

Gradients of examples, leave-one-out and planes have no meaning for a network whose outputs depend
on who else is in the batch; numbers would depend on how examples are cut into chunks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.input_shapes import fixed_batch
from minimascope.intake.networks.program import Program

FEW = 4
OFF = 1e-3  # of the largest output: rounding of float32 is far below, other statistics far above


def check_alone(network: nn.Module, batch: Tensor, outputs: Tensor, which: str) -> None:
    """Raises ProblemError: batch_dependent, or fixed_batch where fewer examples are not taken."""
    few = min(FEW, len(batch) // 2)
    if not few:
        return
    try:
        with torch.no_grad():
            again = network(batch[:few])
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if isinstance(network, Program):
            raise fixed_batch(network.batch) from error
        raise _dependent(network, which) from error
    most = float(outputs.abs().max())
    if again.shape != outputs[:few].shape:
        raise _dependent(network, which)
    if float((again - outputs[:few]).abs().max()) > OFF * max(most, OFF):
        raise _dependent(network, which)


def _dependent(network: nn.Module, which: str) -> ProblemError:
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.running_mean is None]
    why = "" if not norms else ": its BatchNorm keeps no running statistics"
    return ProblemError(
        "batch_dependent",
        f"The network's outputs for one of the {which} examples depend on the others in its "
        f"batch{why}. Gradients of single examples, leave-one-out and planes have no meaning then.",
        "Train with track_running_stats=True (BatchNorm's default), or with GroupNorm or "
        "LayerNorm; without dropout at evaluation.",
    )


def check_positions(outputs: Tensor, targets: Tensor) -> None:
    """Raises ProblemError labels_per_position for one label a pixel; a sequence's are taken."""
    if targets.is_floating_point() or targets.ndim < 3 or outputs.ndim != targets.ndim + 1:
        return
    places = targets.shape[1:]
    if outputs.shape[1:-1] == places or outputs.shape[2:] == places:
        raise ProblemError(
            "labels_per_position",
            f"This is one label a pixel: outputs of shape {list(outputs.shape[1:])} and labels of "
            f"shape {list(places)} an example. Labels along one axis are taken, or one an example.",
            "Wrap the network so that it gives its positions along one axis, such as "
            "model(x).flatten(2) with y.flatten(1) as labels, and export that with "
            "minimascope.export.",
        )
