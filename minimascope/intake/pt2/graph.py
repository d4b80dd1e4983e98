"""From torch.export's JSON to our own: a list of steps with checked operators and arguments.

A program is a table of plain JSON values:
  input     name of the first input
  more_inputs   of each further one its name, and the three of the first one that stand below
  bindings  [[name in the steps, name of a tensor], ...]
  trainable names of the tensors that are parameters
  frozen    those of them without requires_grad
  steps     [{"call", "arguments", "named", "results"}, ...]
  output    name of the one output
  batch     the fixed batch size it was exported for, null if any
  input_sizes        shape of one example, null where a size is free
  input_is_floating  false where inputs are whole numbers (token ids)
Arguments are {kind: value} with kinds tensor, tensors, number (by name), numbers, value, dtype,
memory_format, device. Shape expressions and guards of the export are never looked at.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.pt2.archive import (
    DTYPES,
    Archive,
    no_program,
    read_tensors,
    without_gradient,
)
from minimascope.intake.pt2.branches import BRANCHING, branching
from minimascope.intake.pt2.operators import (
    CHANGES_NOTHING,
    VIEWS,
    pure_name,
    resolve,
    split_target,
)
from minimascope.intake.pt2.refusals import ABOUT, refused, written_at

STEPS = 100_000
_PLAIN = ("as_int", "as_bool", "as_ints", "as_floats", "as_bools", "as_string")
_BY_NAME = ("as_sym_int", "as_sym_bool", "as_sym_float")
_MEMORY_FORMATS = {
    1: "contiguous_format",
    2: "channels_last",
    3: "channels_last_3d",
    4: "preserve_format",
}
_TRAINING = {"train", "training"}
COMPLEX = {9: torch.complex32, 10: torch.complex64, 11: torch.complex128}

Argument = dict[str, Any]


def _only(table: dict[str, Any]) -> tuple[str, Any]:
    """The single key and value of torch's tagged unions."""
    ((kind, value),) = table.items()
    return kind, value


def _number(value: dict[str, Any]) -> Argument:
    """A number known only when running ("as_name"), or a constant."""
    kind, what = _only(value)
    return {"number": str(what)} if kind == "as_name" else {"value": what}


def _optional(value: dict[str, Any]) -> str | None:
    kind, what = _only(value)
    return None if kind == "as_none" else str(what["name"])


def _special(kind: str, value: Any) -> Argument:
    """Arguments that are neither tensors nor numbers."""
    if kind == "as_none":
        return {"value": None}
    if kind == "as_scalar_type" and value in (DTYPES | COMPLEX):
        return {"dtype": str((DTYPES | COMPLEX)[value]).removeprefix("torch.")}
    if kind == "as_complex":
        return {"complex": [float(value["real"]), float(value["imag"])]}
    if kind == "as_memory_format" and value in _MEMORY_FORMATS:
        return {"memory_format": _MEMORY_FORMATS[value]}
    if kind == "as_layout":
        return {"layout": "strided"}
    if kind == "as_device":
        return {"device": "that of the weights"}
    raise refused(f"has an argument of the kind {kind[:40]!r}")


def _argument(table: dict[str, Any]) -> Argument:
    kind, value = _only(table)
    if kind == "as_tensor":
        return {"tensor": str(value["name"])}
    if kind == "as_tensors":
        return {"tensors": [str(item["name"]) for item in value]}
    if kind == "as_optional_tensors":
        return {"tensors": [_optional(item) for item in value]}
    if kind == "as_float":  # torch writes infinities as words
        return {"value": float(value)}
    if kind in _PLAIN:
        return {"value": value}
    if kind in _BY_NAME:
        return _number(value)
    if kind == "as_sym_ints":
        return {"numbers": [_number(item) for item in value]}
    return _special(kind, value)


def _results(table: dict[str, Any]) -> list[str]:
    kind, value = _only(table)
    if kind == "as_tensor":
        return [str(value["name"])]
    if kind == "as_tensors":
        return ["*", *(str(item["name"]) for item in value)]
    if kind in _BY_NAME:
        return [str(value["as_name"])]
    if kind == "as_none":
        return []
    raise refused(f"has a result of the kind {kind[:40]!r}")


def steps_of(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raises operator_refused with the line of the user's own code, where torch noted it."""
    steps = list[dict[str, Any]]()
    for node in nodes:
        try:
            steps.append(_step(node))
        except ProblemError as problem:
            place = written_at(node)
            if problem.code != "operator_refused" or not place or place in problem.sentence:
                raise
            raise refused(f"{problem.sentence[len(ABOUT) : -1]} ({place})") from problem
    return steps


def _step(node: dict[str, Any]) -> dict[str, Any]:
    target = str(node["target"])
    if target == BRANCHING:
        return branching(node, argument_of=_argument, steps_of=steps_of)
    resolve(target)
    step: dict[str, Any] = {"call": target, "arguments": [], "named": {}, "results": []}
    for given in node["inputs"]:
        if given["name"] in _TRAINING and given["arg"].get("as_bool"):
            raise refused("was exported in training mode (dropout or batch statistics active)")
        if given["kind"] == 2:
            step["named"][str(given["name"])] = _argument(given["arg"])
        else:
            step["arguments"].append(_argument(given["arg"]))
    for table in node["outputs"]:
        step["results"] += _results(table)
    return step


def _signature(signature: dict[str, Any]) -> tuple[list[list[str]], list[str], list[str]]:
    """Bindings, names of trainable tensors, names of user inputs."""
    bindings: list[list[str]] = []
    trainable: list[str] = []
    inputs: list[str] = []
    kinds = {"parameter": "parameter_name", "buffer": "buffer_name"}
    kinds["tensor_constant"] = "tensor_constant_name"
    for spec in signature["input_specs"]:
        kind, value = _only(spec)
        if kind in kinds:
            bindings.append([str(value["arg"]["name"]), str(value[kinds[kind]])])
            trainable += [bindings[-1][1]] if kind == "parameter" else []
        elif kind == "user_input" and "as_tensor" in value["arg"]:
            inputs.append(str(value["arg"]["as_tensor"]["name"]))
        else:
            raise refused(f"has an input of the kind {kind[:40]!r}")
    return bindings, trainable, inputs


def _outputs(signature: dict[str, Any]) -> list[str]:
    outputs = []
    for spec in signature["output_specs"]:
        kind, value = _only(spec)
        if kind == "user_output" and "as_tensor" in value["arg"]:
            outputs.append(str(value["arg"]["as_tensor"]["name"]))
        else:
            raise refused(f"has an output of the kind {kind[:40]!r}")
    return outputs


def _check_in_place(steps: list[dict[str, Any]], outside: set[str]) -> None:
    """An in-place operator is taken only where no other name shares its memory."""
    shared = set(outside)
    for step in steps:
        if not step["call"].startswith("torch.ops.aten."):
            continue
        name, _ = split_target(step["call"])
        first = step["arguments"][0].get("tensor") if step["arguments"] else None
        if name != pure_name(name) and name not in CHANGES_NOTHING:
            if first is None or first in shared:
                raise refused(f"changes a tensor in place ({name[:40]}) that others may see")
        elif name in VIEWS and first is not None:
            shared |= {first, *step["results"]}


def names_in(argument: Argument) -> list[str]:
    """The names of earlier results that an argument uses."""
    kind, what = _only(argument)
    if kind in ("tensor", "number"):
        return [what]
    if kind == "tensors":
        return [name for name in what if name is not None]
    return [n for item in what for n in names_in(item)] if kind == "numbers" else []


def _check_defined(steps: list[dict[str, Any]], known: set[str], output: str) -> None:
    """Every name is a result of an earlier step, an input or a tensor."""
    for step in steps:
        for branch in step.get("branches", ()):
            _check_in_place(branch["steps"], set(branch["inputs"]))
            for name in branch["outputs"]:
                _check_defined(branch["steps"], set(branch["inputs"]), name)
        for argument in [*step["arguments"], *step["named"].values(), *_chosen(step)]:
            for name in names_in(argument):
                if name not in known:
                    raise refused(f"uses {name[:60]!r} before it is computed")
        known.update(step["results"])
    if output not in known:
        raise refused(f"returns {output[:60]!r}, which it never computes")


def _chosen(step: dict[str, Any]) -> list[Argument]:
    return [step["chosen"]] if "chosen" in step else []


def _one(names: list[str], what: str) -> str:
    if len(names) != 1:
        raise refused(f"has {len(names)} {what}s; exactly one is needed")
    return names[0]


def _input(meta: dict[str, Any]) -> dict[str, Any]:
    """What is known of an input: sizes (null where free) and kind of number."""
    sizes = [size.get("as_int") for size in meta["sizes"]]
    dtype = DTYPES.get(meta["dtype"])
    if not sizes or dtype is None or not all(s is None or type(s) is int for s in sizes):
        raise refused("takes an input that is no batch of plain numbers")
    floating = dtype.is_floating_point
    return {"batch": sizes[0], "input_sizes": sizes[1:], "input_is_floating": floating}


def _program(model: dict[str, Any]) -> dict[str, Any]:
    module = model["graph_module"]
    graph, signature = module["graph"], module["signature"]
    if len(graph["nodes"]) > STEPS:
        raise refused(f"has {len(graph['nodes'])} steps, more than {STEPS}")
    bindings, trainable, inputs = _signature(signature)
    steps = steps_of(graph["nodes"])
    given = {*inputs, *(name for name, _ in bindings)}
    if not inputs:
        raise refused("takes no tensor")
    output = _one(_outputs(signature), "output")
    values = graph["tensor_values"]
    _check_in_place(steps, given)
    _check_defined(steps, set(given), output)
    return {
        "input": inputs[0],
        "more_inputs": [{"name": name, **_input(values[name])} for name in inputs[1:]],
        "bindings": bindings,
        "trainable": trainable,
        "steps": steps,
        "output": output,
        **_input(values[inputs[0]]),
    }


def read(source: BinaryIO) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name and the program of an open .pt2.

    Raises ProblemError: pickle_refused, operator_refused, tensor_refused, file_damaged,
    deflate_bomb.
    """
    try:
        archive = Archive(source)
        weights, tied = read_tensors(archive, "weights")
        constants, tied_constants = read_tensors(archive, "constants")
        program = _program(archive.table("models/model.json"))
        still = without_gradient(archive)
    except ProblemError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise no_program(error) from error
    first = tied | tied_constants
    program["bindings"] = [
        [name, first.get(tensor, tensor)] for name, tensor in program["bindings"]
    ]
    tensors = {**constants, **weights}
    used = [tensor for _, tensor in program["bindings"]]
    for name in used:
        if name not in tensors:
            raise no_program(KeyError(name))
    program["trainable"] = [name for name in program["trainable"] if name in tensors]
    program["frozen"] = [name for name in program["trainable"] if name in still]
    return {name: tensors[name] for name in dict.fromkeys(used)}, program
