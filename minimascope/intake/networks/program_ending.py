"""The last steps of a checked program: whether they are a link, and the steps without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from minimascope.intake.pt2.graph import names_in
from minimascope.intake.pt2.operators import pure_name
from minimascope.objective.loss import OutputLinkName

Step = dict[str, Any]
_COPYING = frozenset({"alias", "clone", "contiguous"})
# What may stand between a link of single numbers and the output.
_RESHAPING = _COPYING | {"flatten", "reshape", "squeeze", "unsqueeze", "view"}
_LINKS: dict[str, OutputLinkName] = {
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "_softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "_log_softmax": "LogSoftmax",
}


@dataclass(frozen=True)
class Ending:
    """A link at the end of a program, and the places of the steps that are it."""

    link: OutputLinkName
    places: frozenset[int]


def ending_of(steps: list[Step], output: str) -> Ending | None:
    """The link whose result, or a mere reshaping of it, is the output; nobody else may use it."""
    made_at = {name: place for place, step in enumerate(steps) for name in step["results"]}
    uses = Counter(name for step in steps for name in _names(step))
    name, passed = output, set[str]()
    while name in made_at and uses[name] == (name != output):
        place = made_at[name]
        operator = _operator(steps[place])
        if operator in _LINKS:
            return _ending(steps, place, operator, passed)
        given = _given(steps[place])
        if operator == "log" and not passed and given in made_at and uses[given] == 1:
            inner = made_at[given]
            softmax = _ending(steps, inner, _operator(steps[inner]), passed)
            if softmax is None or softmax.link != "Softmax":
                return None
            return Ending("LogSoftmax", frozenset({inner, place}))
        if operator not in _RESHAPING or given is None:
            return None
        passed.add(operator)
        name = given
    return None


def without(steps: list[Step], places: frozenset[int], output: str) -> tuple[list[Step], str]:
    """The other steps, which take what the left out ones were given, and the output's name."""
    renamed: dict[str, str] = {}
    left: list[Step] = []
    for place, step in enumerate(steps):
        if place in places:
            given = str(_given(step))
            renamed[step["results"][0]] = renamed.get(given, given)
            continue
        positional = [_renamed(argument, renamed) for argument in step["arguments"]]
        named = {key: _renamed(argument, renamed) for key, argument in step["named"].items()}
        left.append({**step, "arguments": positional, "named": named})
    return left, renamed.get(output, output)


def _ending(steps: list[Step], place: int, operator: str, passed: set[str]) -> Ending | None:
    link = _LINKS.get(operator)
    if link is None or _given(steps[place]) is None:
        return None
    arguments = steps[place]["arguments"]
    over_classes = len(arguments) > 1 and arguments[1].get("value") in (1, -1)
    if link != "Sigmoid" and (not over_classes or passed - _COPYING):
        return None
    return Ending(link, frozenset({place}))


def _operator(step: Step) -> str:
    """ "sigmoid" of "torch.ops.aten.sigmoid.default"; "" for what is no operator of aten."""
    parts = step["call"].split(".")
    return pure_name(parts[3]) if parts[:3] == ["torch", "ops", "aten"] and len(parts) > 3 else ""


def _given(step: Step) -> str | None:
    """The tensor that a step is about."""
    return step["arguments"][0].get("tensor") if step["arguments"] else None


def _names(step: Step) -> list[str]:
    return [n for each in [*step["arguments"], *step["named"].values()] for n in names_in(each)]


def _renamed(argument: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    ((kind, what),) = argument.items()
    if kind in ("tensor", "number"):
        return {kind: names.get(what, what)}
    if kind == "tensors":
        return {kind: [names.get(name, name) for name in what]}
    return {kind: [_renamed(item, names) for item in what]} if kind == "numbers" else argument
