"""`--fail-if`: a condition over a report's fields, for continuous integration.

    gap.headline.value > 0.5
    gap.verdict != "reliable" or margins.l2.smallest.lower < 0.01
    not (gap.headline and gap.headline.ninety[1] <= 0.2)

Fields with dots, indices and keys in brackets, numbers, texts, comparisons, + − × /, `and`, `or`,
`not`, parentheses. Python's grammar reads it and nothing of it is run: its tree is checked before
anything is computed (`condition`), and walked when there is a report.
"""

from __future__ import annotations

import ast
import math
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from minimascope.cli.condition import COMPARES, COMPUTES, check, index_of, refused
from minimascope.contract.report import Report

LONGEST = 1000
FAIL_IF = "exit 1 where this is so of the report, e.g. 'gap.headline.value > 0.5'; may be repeated"


class Unknown(Exception):  # noqa: N818  # no error: a report need not have every number
    """A value that is compared and that this report does not have."""


@dataclass(frozen=True)
class Condition:
    """One that was read and whose fields exist."""

    text: str
    tree: ast.expr

    def failing(self, report: Report) -> str | None:
        """Why the gate is shut, in a sentence; None where it is open.

        A number that the report does not have cannot be compared: the gate is shut then too.
        """
        try:
            if not _value(self.tree, report):
                return None
        except Unknown as missing:
            return (
                f"{self.text!r} cannot be decided: this report has no {missing}. "
                f"Write '{missing} and …' to let such a report pass."
            )
        except ZeroDivisionError:
            return f"{self.text!r} cannot be decided: it divides by zero here."
        found = dict.fromkeys(ast.unparse(each) for each in _fields(self.tree))
        known = ", ".join(f"{path} is {_said(path, report)}" for path in found)
        return f"{self.text!r} is so: {known}."


def condition(text: str) -> Condition:
    """Reads one. Raises ProblemError invalid_parameters: what is wrong, and what there is."""
    if len(text) > LONGEST:
        raise refused(text[:60], f"it is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's own on texts such as '\\d'
            tree = ast.parse(text.strip(), mode="eval").body
        check(tree, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refused(text, "it is no condition such as 'gap.headline.value > 0.5'") from error
    return Condition(text, tree)


def shut(conditions: Sequence[Condition], report: Report) -> list[str]:
    """A sentence for every condition that fails the report."""
    return [said for each in conditions if (said := each.failing(report))]


def judged(conditions: Sequence[Condition], report: Report) -> int:
    """Exit status: 1 where one fails the report, with a line for each on standard error."""
    said = shut(conditions, report)
    for each in said:
        print(f"minimascope: --fail-if {each}", file=sys.stderr)
    return 1 if said else 0


def _value(node: ast.expr, report: Report) -> Any:
    """Of an expression that was checked. Raises Unknown for a value that is missing."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BoolOp):
        stops = isinstance(node.op, ast.Or)
        return next((stops for e in node.values if bool(_value(e, report)) is stops), not stops)
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return not _value(node.operand, report)
        return -_known(node.operand, report)
    if isinstance(node, ast.BinOp):
        return COMPUTES[type(node.op)](_known(node.left, report), _known(node.right, report))
    if isinstance(node, ast.Compare):
        values = [_known(each, report) for each in (node.left, *node.comparators)]
        pairs = zip(node.ops, values, values[1:], strict=False)
        return all(COMPARES[type(op)](left, right) for op, left, right in pairs)
    return _read(node, report)


def _known(node: ast.expr, report: Report) -> Any:
    value = _value(node, report)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise Unknown(ast.unparse(node))
    return value


def _read(node: ast.expr, report: Report) -> Any:
    """A field's value; None where anything on the way to it is not there."""
    if isinstance(node, ast.Name):
        return getattr(report, node.id)
    assert isinstance(node, ast.Attribute | ast.Subscript)
    whole = _read(node.value, report)
    step = node.attr if isinstance(node, ast.Attribute) else index_of(node)
    if whole is None:
        return None
    if isinstance(whole, BaseModel):
        return getattr(whole, str(step))
    try:
        return whole[step]
    except (KeyError, IndexError):
        return None


def _fields(node: ast.expr) -> Iterator[ast.expr]:
    """The whole paths to fields in an expression."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield node
        return
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.expr):
            yield from _fields(each)


def _said(path: str, report: Report) -> str:
    value = _read(ast.parse(path, mode="eval").body, report)
    if isinstance(value, BaseModel):
        return "there"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
