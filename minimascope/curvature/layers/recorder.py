"""What passes through layers: the only code that records their inputs and outputs by hooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn


class Call(NamedTuple):
    """One run of a layer: what it was given, its output, and the copy that was handed on."""

    layer: nn.Module
    given: tuple[Any, ...]
    output: Any
    handed_on: Any


@contextmanager
def recorded(layers: Iterable[nn.Module]) -> Iterator[list[Call]]:
    """Every call of these layers within, in the order in which they ran.

    What follows a layer gets a copy of its output: an operation in place would overwrite the
    output that was recorded, and gradients with respect to it would be those behind the operation.
    """
    calls: list[Call] = []

    def record(layer: nn.Module, given: tuple[Any, ...], output: Any) -> Any:
        handed_on = output.clone() if isinstance(output, Tensor) else output
        calls.append(Call(layer, given, output, handed_on))
        return handed_on

    handles = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
