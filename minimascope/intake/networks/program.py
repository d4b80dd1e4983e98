"""A .pt2 program as a network: performs its steps one by one on the checkpoint's tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.chain import usable
from minimascope.intake.networks.program_ending import ending_of, without
from minimascope.intake.pt2.branches import BRANCHING
from minimascope.intake.pt2.operators import pure_name, resolve
from minimascope.intake.pt2.refusals import refused
from minimascope.objective.loss import OutputLinkName

HELD = "_examples_"  # buffers with the examples, where inputs are their numbers
Values = dict[str, Any]
Step = tuple[Callable[..., Any], dict[str, Any]]


@dataclass(frozen=True)
class Input:
    """One input of a program: its argument's name; `sizes` of an example, None where free."""

    name: str
    sizes: list[int | None]
    floating: bool


class Program(nn.Module):
    """Runs a checked program (see `graph`). Parameters keep the names of the user's network.

    `input_sizes`: shape of one example, None where a size was left free at export; `batch` the
    same of their number. A program of several `inputs` takes them one after the other, or, where it
    holds the examples, their numbers (n × 1): then these three are of the numbers.

    Floating dtypes named inside the program follow the weights, so the network may be moved to
    another dtype or device. Operators are checked again here: a program is data.
    """

    def __init__(self, program: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self._last: nn.Module | None = None
        self._without = ""
        self._steps = _resolved(program["steps"])
        self._output = str(program["output"])
        self.batch: int | None = program["batch"]
        self.input_sizes: list[int | None] = list(program["input_sizes"])
        self.input_is_floating = bool(program["input_is_floating"])
        first = {**program, "name": program["input"]}
        self.inputs = [
            Input(str(each["name"]), list(each["input_sizes"]), bool(each["input_is_floating"]))
            for each in (first, *program["more_inputs"])
        ]
        self._held: list[str] = []
        parameters, frozen = set(program["trainable"]), set(program["frozen"])
        paths = _paths(list(tensors))
        self._bindings = [(name, paths[tensor]) for name, tensor in program["bindings"]]
        for name, tensor in tensors.items():
            if name in parameters and tensor.is_floating_point():
                tensor = nn.Parameter(tensor, requires_grad=name not in frozen)
            _attach(self, paths[name], tensor)

    @override
    def forward(self, inputs: Tensor, *more: Tensor) -> Tensor:
        """Outputs of the program for one batch of inputs, or of numbers of examples it holds."""
        given = (inputs, *more)
        if self._held and not more:
            given = tuple(getattr(self, place)[inputs.reshape(-1)] for place in self._held)
        named = zip(self.inputs, given, strict=True)
        values: Values = {each.name: tensor for each, tensor in named}
        for name, path in self._bindings:
            owner, _, leaf = path.rpartition(".")
            values[name] = getattr(self.get_submodule(owner), leaf)
        weights = next((v for v in self.parameters() if v.is_floating_point()), inputs)
        for place in self._held and [each.name for each in self.inputs]:
            values[place] = _of_kind(values[place], weights)
        for function, step in self._steps:
            _perform(function, step, values, weights)
        result: Tensor = values[self._output]
        return result if self._last is None else self._last(result)

    @override
    def extra_repr(self) -> str:
        """What was taken off the program: it is another function with the same modules."""
        return self._without

    def hold(self, examples: list[Tensor]) -> None:
        """Keeps the examples, a tensor (n × ...) an input; from then on it takes their numbers."""
        self._held = [f"{HELD}{place}" for place in range(len(examples))]
        for place, each in zip(self._held, examples, strict=True):
            self.register_buffer(place, each)
        self.input_sizes = [1]
        self.batch, self.input_is_floating = None, False

    def followed_by(self, last: nn.Module) -> Program:
        """The same program and parameters with one more layer."""
        found = copy.copy(self)
        found._modules = {**self._modules, "logits": last}
        found._last = last
        return found

    def last_link(self) -> tuple[OutputLinkName, Program] | None:
        """The link that the program ends in, and the same program without it."""
        steps = [step for _, step in self._steps]
        ending = ending_of(steps, self._output)
        if ending is None:
            return None
        found = copy.copy(self)
        left, found._output = without(steps, ending.places, self._output)
        kept = [pair for place, pair in enumerate(self._steps) if place not in ending.places]
        found._steps = [(function, step) for (function, _), step in zip(kept, left, strict=True)]
        found._without = f"without its {ending.link}"
        return ending.link, found


def _paths(names: list[str]) -> dict[str, str]:
    """Attribute path of each tensor: its own name where all names can be paths."""
    return {n: n if usable(names) else f"tensor_{i}" for i, n in enumerate(names)}


def _attach(network: nn.Module, path: str, tensor: Tensor) -> None:
    *parts, leaf = path.split(".")
    owner = network
    for part in parts:
        if part not in owner._modules:
            owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    if isinstance(tensor, nn.Parameter):
        owner.register_parameter(leaf, tensor)
    else:
        owner.register_buffer(leaf, tensor)


def _of_kind(tensor: Tensor, weights: Tensor) -> Tensor:
    return tensor.to(weights.dtype) if tensor.is_floating_point() else tensor


def _dtype(name: str, weights: Tensor) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    if dtype.is_complex:
        return torch.complex128 if weights.dtype == torch.float64 else torch.complex64
    return weights.dtype if dtype.is_floating_point else dtype


def _value(argument: dict[str, Any], values: Values, weights: Tensor) -> Any:
    """An argument of a step as torch takes it."""
    ((kind, what),) = argument.items()
    readers: dict[str, Callable[[], Any]] = {
        "tensor": lambda: values[what],
        "number": lambda: values[what],
        "tensors": lambda: [None if name is None else values[name] for name in what],
        "numbers": lambda: [_value(item, values, weights) for item in what],
        "value": lambda: what,
        "complex": lambda: complex(*what),
        "dtype": lambda: _dtype(what, weights),
        "memory_format": lambda: getattr(torch, what),
        "layout": lambda: torch.strided,
        "device": lambda: weights.device,
    }
    return readers[kind]()


def _resolved(steps: list[dict[str, Any]]) -> list[Step]:
    return [
        (_branching if step["call"] == BRANCHING else resolve(step["call"]), step) for step in steps
    ]


def _branching(*_: Any) -> Any:
    raise AssertionError("a branching step is performed by its branches")


def _branched(step: dict[str, Any], values: Values, weights: Tensor) -> list[Any]:
    """Results of the branch that is taken; where the choice is one of a batch, of each example."""
    chosen = _value(step["chosen"], values, weights)
    given = [_value(argument, values, weights) for argument in step["arguments"]]
    try:
        taken = bool(chosen)
    except RuntimeError:  # one choice an example, under vmap: both are computed
        both = [_branch(branch, given, weights) for branch in step["branches"]]
        return [torch.where(chosen, a, b) for a, b in zip(*both, strict=True)]
    return _branch(step["branches"][0 if taken else 1], given, weights)


def _branch(branch: dict[str, Any], given: list[Any], weights: Tensor) -> list[Any]:
    inside: Values = dict(zip(branch["inputs"], given, strict=True))
    for function, step in _resolved(branch["steps"]):
        _perform(function, step, inside, weights)
    return [inside[name] for name in branch["outputs"]]


def _perform(
    function: Callable[..., Any], step: dict[str, Any], values: Values, weights: Tensor
) -> None:
    """One step: its results are put under their names."""
    if step["call"] == BRANCHING:
        values.update(zip(step["results"], _branched(step, values, weights), strict=True))
        return
    positional = [_value(argument, values, weights) for argument in step["arguments"]]
    named = {key: _value(item, values, weights) for key, item in step["named"].items()}
    result = function(*positional, **named)
    names = step["results"]
    if names[:1] == ["*"]:
        values.update(zip(names[1:], result, strict=True))
    elif len(names) > 1:
        values.update(zip(names, result, strict=False))
    elif names:
        values[names[0]] = result
        target = step["call"].split(".")[-2]
        if target != pure_name(target):  # in place: the old name means the new value too
            values[step["arguments"][0]["tensor"]] = result


def build_program(program: dict[str, Any], tensors: dict[str, Tensor]) -> Program:
    """The network of a .pt2, float16 and bfloat16 weights raised to float32, for evaluation."""
    raised = {
        name: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
        for name, t in tensors.items()
    }
    try:
        return Program(program, raised).eval()
    except ProblemError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refused(f"cannot be rebuilt ({type(error).__name__})") from error
