"""A network as a graph of steps, which can be run again and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from minimascope.boundary.certificates.activations import RECTIFIERS, value_of
from minimascope.boundary.certificates.steps import (
    Activation,
    Added,
    Affine,
    Maximum,
    Step,
    windowed,
)


@dataclass(frozen=True, eq=False)
class Graph:
    """Value 0 is the input, value i the result of steps[i − 1].

    `shape` is that of one input; `output` the value that the network returns, `outputs` numbers
    of an example.
    """

    shape: torch.Size
    steps: list[Step]
    output: int
    outputs: int

    def shape_of(self, value: int) -> torch.Size:
        """Of one example."""
        return self.steps[value - 1].out if value else self.shape

    @cached_property
    def worth_tightening(self) -> list[int]:
        """Values that activations and maxima take, and which no such step gave: what these give
        has an interval that follows from what they took."""
        bending = (Activation, Maximum)
        taken = {step.given for step in self.steps if isinstance(step, bending)}
        given = {i + 1 for i, step in enumerate(self.steps) if isinstance(step, bending)}
        return sorted(taken - given - {0})

    def only_rectified(self, value: int) -> bool:
        """Whether nothing but rectifiers takes a value: then its sign is all that counts."""
        takers = [
            step
            for step in self.steps
            if value == step.given or (isinstance(step, Added) and value == step.other)
        ]
        return all(isinstance(step, Activation) and step.name in RECTIFIERS for step in takers)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs (n, outputs) of inputs (n, *shape)."""
        found = [inputs]
        for step in self.steps:
            found.append(_performed(step, found))
        return found[self.output].reshape(len(inputs), -1)


def _performed(step: Step, found: list[Tensor]) -> Tensor:
    given = found[step.given]
    if isinstance(step, Affine):
        result = step.linear(given)
        return result if step.offset is None else result + step.offset
    if isinstance(step, Added):
        return given + step.factor * found[step.other]
    if isinstance(step, Activation):
        return value_of(step)(given)
    return windowed(given, step.windows, beyond=-torch.inf).amax(-1).reshape(-1, *step.out)
