"""A trained network recognised as a graph of steps, by recording one pass of a few examples.

What runs is recorded operation by operation, whatever it was written as: modules, functions, skip
connections, or the program of a .pt2. The graph is then run against the network itself.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from typing_extensions import override  # comes with torch

from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.operators import SAME, Call, step_of
from minimascope.boundary.certificates.steps import Step
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.dispatch import LightDispatch

BATCH = 3  # rows recorded: no axis of 1, which broadcasts
CHECKED = 64  # rows on which the graph is run against the network
AGREES = 1e-9  # of the largest output


class UnboundedError(ValueError):
    """The network has an operation that no bound is known of."""


def graph_of(minimum: Minimum) -> Graph:
    """The network's steps in float64 on the CPU.

    UnboundedError with a sentence where it has an operation without a bound, or does what one
    pass does not tell.
    """
    network = exact(minimum.network)
    inputs = minimum.inputs[:CHECKED].detach().double().cpu()
    if not minimum.inputs.is_floating_point():
        raise UnboundedError("Whole-number inputs have no distances between them.")
    rows = inputs[torch.arange(BATCH) % len(inputs)].clone()
    recorder = _Recorder(rows)
    with torch.no_grad(), recorder:
        output = network(rows)
    value = recorder.value(output)
    if recorder.reason or value is None:
        raise UnboundedError(recorder.reason or "What the network returns is not recorded.")
    graph = Graph(rows.shape[1:], recorder.steps, value, output[0].numel())
    with torch.no_grad():
        expected = network(inputs).reshape(len(inputs), -1)
    found, size = graph(inputs), float(expected.abs().max())
    if not bool(((found - expected).abs() <= AGREES * (size + 1)).all()):
        raise UnboundedError("The recorded operations do not give the network's own outputs.")
    return graph


def exact(network: nn.Module) -> nn.Module:
    """The network in float64 on the CPU: itself where it is already, else a copy."""
    tensors = [*network.parameters(), *network.buffers()]
    floating = [each for each in tensors if each.is_floating_point()]
    if all(t.dtype == torch.float64 and t.device.type == "cpu" for t in floating):
        return network
    return copy.deepcopy(network).to(device="cpu", dtype=torch.float64).eval()


class _Recorder(LightDispatch):
    """Follows what becomes of the inputs; `reason` says what could not be followed."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.reason = ""
        # By id, with the tensor itself, so that no other gets its id; None where it was changed
        # under another name.
        self._values: dict[int, tuple[Tensor, int | None]] = {id(inputs): (inputs, 0)}

    def value(self, tensor: Any) -> int | None:
        """The number of a recorded value."""
        return self._values[id(tensor)][1] if id(tensor) in self._values else None

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        result = func(*args, **named)
        follows = [each for each in tree_leaves((args, named)) if id(each) in self._values]
        if follows and not self.reason:
            name = func.overloadpacket.__name__
            first = result[0] if isinstance(result, (tuple, list)) else result
            if not self._follow(func, name, args, named, first):
                plain = name.removeprefix("_").removeprefix("native_").removesuffix("_")
                self.reason = f"The network has an operation without a bound: {plain}."
        return result

    def _follow(self, func: Any, name: str, args: Any, named: dict[str, Any], result: Any) -> bool:
        given = {i: self.value(each) for i, each in enumerate(args) if id(each) in self._values}
        known = {place: value for place, value in given.items() if value is not None}
        nested = [each for each in tree_leaves(named) if id(each) in self._values]
        inside = [a for a in args if isinstance(a, (list, tuple)) and self._any(a)]
        if len(known) < len(given) or not known or nested or inside:
            return False
        if not isinstance(result, Tensor) or result.dtype != torch.float64:
            return False
        if name in SAME and set(known) == {0}:
            self._values[id(result)] = (result, known[0])
            return True
        step = step_of(Call(func, name, args, named, known, result.shape, BATCH))
        if step is None:
            return False
        if name.endswith("_") and not (0 in known and self._overwrite(result, args[0])):
            return False
        self.steps.append(step)
        self._values[id(result)] = (result, len(self.steps))
        return True

    def _any(self, values: Any) -> bool:
        return any(id(each) in self._values for each in tree_leaves(values))

    def _overwrite(self, result: Tensor, changed: Tensor) -> bool:
        """Every other name of the memory that was changed stands for nothing any more."""
        memory = result.untyped_storage().data_ptr()
        for key, (tensor, _) in self._values.items():
            if tensor is not result and tensor.untyped_storage().data_ptr() == memory:
                self._values[key] = (tensor, None)
        return result is changed
