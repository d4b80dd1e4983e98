"""Whether a condition may be asked of a report: its grammar, and that its fields exist."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report

COMPARES: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
COMPUTES: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
Kind = Literal["number", "text", "truth", "part"]
KINDS: dict[type, Kind] = {int: "number", float: "number", str: "text", bool: "truth"}


def check(node: ast.expr, text: str) -> Kind:
    """What an expression is of; ProblemError for what is not allowed or does not exist."""
    if isinstance(node, ast.Constant) and type(node.value) in KINDS:
        return KINDS[type(node.value)]
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return _leaf(_annotation(node, text))
    if isinstance(node, ast.BoolOp):
        for each in node.values:
            check(each, text)
        return "truth"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        check(node.operand, text)
        return "truth"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _number(node.operand, text)
    if isinstance(node, ast.BinOp) and type(node.op) in COMPUTES:
        _number(node.left, text)
        return _number(node.right, text)
    if isinstance(node, ast.Compare) and all(type(each) in COMPARES for each in node.ops):
        return _compared(node, text)
    raise refused(text, f"{ast.unparse(node)!r:.60} is not taken in a condition")


def _number(node: ast.expr, text: str) -> Kind:
    if check(node, text) != "number":
        raise refused(text, f"{ast.unparse(node)!r:.60} is no number")
    return "number"


def _compared(node: ast.Compare, text: str) -> Kind:
    sides = [node.left, *node.comparators]
    kinds = [check(each, text) for each in sides]
    for side, kind in zip(sides, kinds, strict=True):
        said = ast.unparse(side)
        if kind == "part":
            raise refused(text, f"{said!r:.60} is a part of the report, not a value to compare")
        if kind != kinds[0]:
            raise refused(text, f"{ast.unparse(sides[0])!r:.60} and {said!r:.60} are not alike")
    orders = any(not isinstance(each, ast.Eq | ast.NotEq) for each in node.ops)
    if orders and kinds[0] != "number":
        raise refused(text, f"only numbers are smaller or larger than others, not a {kinds[0]}")
    return "truth"


def _annotation(node: ast.expr, text: str) -> Any:
    """The type of a field, by the report's model."""
    if isinstance(node, ast.Name):
        return _field(Report, node.id, "the report", text)
    if isinstance(node, ast.Attribute):
        return _inside(_annotation(node.value, text), node.attr, node.value, text)
    if isinstance(node, ast.Subscript):
        index = index_of(node)
        if index is not None:
            return _inside(_annotation(node.value, text), index, node.value, text)
    raise refused(text, f"{ast.unparse(node)!r:.60} is not taken in a condition")


def _inside(kind: Any, step: str | int, of: ast.expr, text: str) -> Any:
    name, origin = ast.unparse(of), get_origin(kind)
    if isinstance(step, str) and isinstance(kind, type) and issubclass(kind, BaseModel):
        return _field(kind, step, name, text)
    if isinstance(step, str) and origin is dict:
        return _bare(get_args(kind)[1])
    if isinstance(step, int) and origin in (list, tuple):
        return _bare(get_args(kind)[0])
    raise refused(text, f"{name!r} has no {step!r:.60}")


def _field(model: type[BaseModel], name: str, of: str, text: str) -> Any:
    if name not in model.model_fields:
        known = ", ".join(model.model_fields)
        raise refused(text, f"{of} has no field {name!r:.60}; it has {known}")
    return _bare(model.model_fields[name].annotation)


def _bare(annotation: Any) -> Any:
    """Without None and constraints; of several types the first."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(each for each in get_args(annotation) if each is not NoneType))
    return annotation


def _leaf(kind: Any) -> Kind:
    if get_origin(kind) is Literal:
        return KINDS.get(type(get_args(kind)[0]), "part")
    return KINDS.get(kind, "part") if isinstance(kind, type) else "part"


def index_of(node: ast.Subscript) -> str | int | None:
    """A constant in brackets; numbers may count from the end."""
    place = node.slice
    if isinstance(place, ast.UnaryOp) and isinstance(place.op, ast.USub):
        place, sign = place.operand, -1
    else:
        sign = 1
    value = place.value if isinstance(place, ast.Constant) else None
    if type(value) is int:
        return sign * value
    return value if isinstance(value, str) and sign == 1 else None


def refused(text: str, why: str) -> ProblemError:
    return ProblemError(
        "invalid_parameters",
        f"--fail-if {text!r:.200}: {why}.",
        "Fields are those of the report, as `minimascope analyze --json` prints it.",
    )
