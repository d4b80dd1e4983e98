"""A network of several tensors as one of the numbers of examples, which it holds as constants.

Everything that is asked of parameters is the same; distances between inputs have no meaning.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.taken import named
from minimascope.intake.networks.input_shapes import fixed_batch
from minimascope.intake.networks.program import Input, Program
from minimascope.intake.values.dataset import Dataset

SAID = "The network takes several inputs ({0}): nothing is said of distances between examples."
TRIED = 2


def wanted(network: nn.Module) -> list[tuple[str, bool]]:
    """Name, and whether floating, of each input of a network that takes more than one."""
    inputs = network.inputs if isinstance(network, Program) else []
    return [(each.name, each.floating) for each in inputs] if len(inputs) > 1 else []


def by_number(
    network: nn.Module, train: Dataset, test: Dataset | None
) -> tuple[Dataset, Dataset | None]:
    """The data as numbers of the examples that the network holds from then on.

    Raises ProblemError: input_shape_mismatch, fixed_batch.
    """
    if not isinstance(network, Program) or not train.parts:
        return train, test
    every = [train, *([] if test is None else [test])]
    for data, which in zip(every, ("training", "test"), strict=False):
        for each, part in zip(network.inputs, data.parts, strict=True):
            _check(each, part, which)
    if network.batch is not None:
        raise fixed_batch(network.batch)
    _try(network, train.parts)
    network.hold([torch.cat(parts) for parts in zip(*(d.parts for d in every), strict=True)])
    said = SAID.format(named([each.name for each in network.inputs]))
    first = replace(train, warnings=[*train.warnings, said])
    return first, test and replace(test, inputs=test.inputs + len(train.inputs))


def _check(wanted: Input, given: Tensor, which: str) -> None:
    """Raises ProblemError input_shape_mismatch where an example has not the sizes of the export."""
    sizes = list(given.shape[1:])
    fits = len(sizes) == len(wanted.sizes)
    if fits and all(w in (None, g) for w, g in zip(wanted.sizes, sizes, strict=True)):
        return
    shown = ", ".join("any" if size is None else str(size) for size in wanted.sizes)
    raise ProblemError(
        "input_shape_mismatch",
        f"The input {wanted.name!r} of the {which} examples has shape {sizes}, but the .pt2 was "
        f"exported for [{shown}].",
        "Send the inputs as they went into the network in training.",
    )


def _try(network: Program, parts: list[Tensor]) -> None:
    kind = next((q.dtype for q in network.parameters() if q.is_floating_point()), torch.float32)
    few = [part[:TRIED] for part in parts]
    try:
        with torch.no_grad():
            network(*(each.to(kind) if each.is_floating_point() else each for each in few))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
        raise ProblemError(
            "input_shape_mismatch",
            f"The network cannot take the training examples: {reason}.",
            "Are the inputs those of training, each under its own name?",
        ) from error
