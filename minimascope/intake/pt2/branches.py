"""torch.cond in a program: a step with two lists of steps, one of which is performed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minimascope.intake.pt2.refusals import refused

BRANCHING = "torch.ops.higher_order.cond"
STEPS = 10_000  # of one branch

Argument = dict[str, Any]


def branching(
    node: dict[str, Any],
    *,
    argument_of: Callable[[dict[str, Any]], Argument],
    steps_of: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """The step: what chooses, the arguments of both branches, the branches, names of results."""
    chosen, yes, no, *given = [entry["arg"] for entry in node["inputs"]]
    if set(yes) != {"as_graph"} or set(no) != {"as_graph"}:
        raise refused("branches on something that is no pair of functions")
    arguments = given[0]["as_tensors"] if len(given) == 1 and "as_tensors" in given[0] else None
    if arguments is not None:
        given = [{"as_tensor": item} for item in arguments]
    return {
        "call": BRANCHING,
        "chosen": argument_of(chosen),
        "arguments": [argument_of(each) for each in given],
        "named": {},
        "branches": [_branch(each["as_graph"]["graph"], steps_of) for each in (yes, no)],
        "results": [name for table in node["outputs"] for name in _tensors(table)],
    }


def _branch(
    graph: dict[str, Any], steps_of: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> dict[str, Any]:
    if len(graph["nodes"]) > STEPS:
        raise refused(f"has {len(graph['nodes'])} steps in a branch, more than {STEPS}")
    return {
        "inputs": [name for table in graph["inputs"] for name in _tensors(table)],
        "steps": steps_of(graph["nodes"]),
        "outputs": [name for table in graph["outputs"] for name in _tensors(table)],
    }


def _tensors(table: dict[str, Any]) -> list[str]:
    """Names of one argument or result that is a tensor or several."""
    ((kind, value),) = table.items()
    if kind == "as_tensor":
        return [str(value["name"])]
    if kind == "as_tensors":
        return [str(item["name"]) for item in value]
    if kind in ("as_sym_int", "as_int") and kind == "as_sym_int" and "as_name" in value:
        return [str(value["as_name"])]
    raise refused(f"passes a {kind[:40]!r} through a branch")
