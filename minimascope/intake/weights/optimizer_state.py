"""What an optimiser's state_dict says: groups of parameters by number, and Adam's second moments.

Read as data; which parameter a number is, only the network can tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.tensor_checks import check_tensors
from minimascope.intake.weights.plain import MOST, number, numbers, table

PREFIX = "second_moment:"  # of the tensors that are no weights, in the sandbox's answer
_NUMBERS = ("lr", "initial_lr", "max_lr", "weight_decay", "momentum", "eps")


@dataclass(frozen=True)
class State:
    """Facts as JSON values, and exp_avg_sq (or its maximum) by `PREFIX` and number."""

    facts: dict[str, Any]
    moments: dict[str, Tensor] = field(default_factory=dict)


def is_state(value: Any) -> bool:
    """Whether a table is what torch's optimisers call their state_dict."""
    if not isinstance(value, dict) or not {"state", "param_groups"} <= set(value):
        return False
    groups = value["param_groups"]
    return (
        isinstance(value["state"], dict)
        and isinstance(groups, (list, tuple))
        and 0 < len(groups) <= MOST
        and all(isinstance(group, dict) and "params" in group for group in groups)
    )


def read(value: dict[str, Any], *, file_bytes: int) -> State:
    """What the state says; moments that are no plain finite tensors are left out."""
    rows = _rows(value["state"])
    amsgrad = any(group.get("amsgrad") is True for group in value["param_groups"])
    moments = _tensors(rows, "max_exp_avg_sq" if amsgrad else "exp_avg_sq")
    steps = {key: number(row.get("step")) for key, row in rows.items()}
    known = [each for each in steps.values() if each is not None and each > 0]
    moments = {key: each for key, each in moments.items() if (steps.get(key) or 0) > 0}
    moments = moments if _are_squares(moments, file_bytes) else {}
    shapes = {key: list(each.shape) for key, each in _shaped(rows).items()}
    facts = {
        "name": _name(value["param_groups"]),
        "groups": [_group(group) for group in value["param_groups"]],
        "steps": max(known, default=None),
        "state": [
            {
                "id": key,
                "shape": shape,
                "step": steps[key],
                "tensor": f"{PREFIX}{key}" if key in moments else None,
            }
            for key, shape in shapes.items()
        ],
    }
    return State(facts, {f"{PREFIX}{key}": each for key, each in moments.items()})


def _group(group: dict[str, Any]) -> dict[str, Any]:
    ids = group["params"]
    names = group.get("param_names")
    found: dict[str, Any] = {name: number(group.get(name)) for name in _NUMBERS}
    found["betas"] = numbers(group.get("betas"))
    found["ids"] = [key for key in ids if type(key) is int] if isinstance(ids, list) else []
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    found["names"] = names if texts and len(names) == len(found["ids"]) else None
    return found


def _rows(state: dict[Any, Any]) -> dict[int, dict[str, Any]]:
    if len(state) > MOST:
        return {}
    return {key: row for key, row in state.items() if type(key) is int and isinstance(row, dict)}


def _tensors(rows: dict[int, dict[str, Any]], name: str) -> dict[int, Tensor]:
    found = {key: row.get(name) for key, row in rows.items()}
    return {
        key: each.detach()
        for key, each in found.items()
        if isinstance(each, Tensor) and each.is_floating_point()
    }


def _shaped(rows: dict[int, dict[str, Any]]) -> dict[int, Tensor]:
    """A tensor of each parameter's own shape."""
    return _tensors(rows, "momentum_buffer") | _tensors(rows, "exp_avg_sq")


def _are_squares(moments: dict[int, Tensor], file_bytes: int) -> bool:
    """Plain finite tensors, no number of them below 0."""
    try:
        check_tensors({str(key): each for key, each in moments.items()}, file_bytes=file_bytes)
    except ProblemError:
        return False
    return all(bool((each >= 0).all()) for each in moments.values())


def _name(groups: Any) -> str:
    """Which optimiser has these settings; "adam or adamw" where older files do not tell."""
    keys = set[str]().union(*(table(group) for group in groups))
    if "rho" in keys or any(group.get("maximize") is True for group in groups):
        return "other"
    if "history_size" in keys:
        return "lbfgs"
    if {"dampening", "nesterov", "momentum"} <= keys:
        damped = any(number(group.get("dampening")) not in (0.0, None) for group in groups)
        return "other" if damped else "sgd"
    if {"betas", "eps", "correct_bias"} <= keys:  # AdamW of earlier transformers
        return "adamw"
    if {"betas", "eps", "amsgrad"} <= keys:
        return _adam(groups)
    return "other"


def _adam(groups: Any) -> str:
    told = {group.get("decoupled_weight_decay") for group in groups}
    if told == {True}:
        return "adamw"
    undecayed = not any(number(group.get("weight_decay")) for group in groups)
    return "adam" if told == {False} or undecayed else "adam or adamw"
