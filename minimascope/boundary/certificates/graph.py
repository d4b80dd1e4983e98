"""A network as a graph of steps, which can be run again and bounded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.certificates.activations import value_of
from minimascope.boundary.certificates.steps import (
    Activation,
    Added,
    Affine,
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

    @property
    def bent(self) -> list[int]:
        """The values that activations and maxima take: what bounds must be known of."""
        found = [s.given for s in self.steps if not isinstance(s, (Affine, Added))]
        return sorted(set(found))

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
