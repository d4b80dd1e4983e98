"""The reference of Python: what `minimascope` exports, with signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import minimascope
from minimascope.results.plots import Plots
from minimascope.results.result import Result
from minimascope.tracking.tracker import Tracker

FUNCTIONS = ("analyze", "track", "compare", "load", "weights", "export", "cross_validate")
CLASSES: dict[str, type] = {
    "Result": Result,
    "Plots": Plots,
    "Tracker": Tracker,
    "Client": minimascope.Client,
    "ProblemError": minimascope.ProblemError,
}
ELSEWHERE = {"Report": "the report's document has a page of its own", "AsyncClient": "as `Client`"}
NAMED = re.compile(r"^(?P<names>\w+(?:, \w+)*): (?P<rest>.*)")
WIDE = 88


def python_page() -> str:
    """Functions, then the classes that they give."""
    said = set(FUNCTIONS) | CLASSES.keys() | ELSEWHERE.keys() | {"__version__"}
    missing = set(minimascope.__all__) - said
    assert not missing, f"name {missing} in docs/site/python_page.py"
    parts = ["# Python", "`import minimascope as ms`; whatever is imported loads when it is used."]
    for name in FUNCTIONS:
        found = getattr(minimascope, name)
        parts += [f"## ms.{name}", _signature(f"ms.{name}", found), _docstring(found)]
    for name, found in CLASSES.items():
        parts += [f"## {name}", _docstring(found), *_members(name, found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _members(name: str, found: type) -> list[str]:
    parts = []
    for key, each in inspect.getmembers(found):
        ours = getattr(each, "__module__", None) or getattr(each, "fget", None)
        if key.startswith("_") or not ours or not inspect.getdoc(each):
            continue  # what Python's own classes bring is not told here
        if isinstance(each, property):
            parts += [f"### {name}.{key}", _docstring(each)]
        elif callable(each):
            parts += [f"### {name}.{key}", _signature(key, each), _docstring(each)]
    return parts


def _signature(name: str, found: Callable[..., Any]) -> str:
    """As it is called: names and defaults; types are in the source."""
    shown = inspect.signature(found)
    kept = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in shown.parameters.values()
        if each.name not in ("self", "cls")
    ]
    words = [str(each) for each in kept]
    if any(each.kind is each.KEYWORD_ONLY for each in kept) and not any(
        each.kind is each.VAR_POSITIONAL for each in kept
    ):
        first = next(k for k, each in enumerate(kept) if each.kind is each.KEYWORD_ONLY)
        words.insert(first, "*")
    line = f"{name}({', '.join(words)})"
    if len(line) > WIDE:
        line = f"{name}(\n    " + ",\n    ".join(words) + ",\n)"
    return f"```text\n{line}\n```"


def _docstring(found: Any) -> str:
    """Paragraphs; what is indented is code, lines that begin with `name: ` are a list."""
    parts = []
    for block in re.split(r"\n\s*\n", inspect.getdoc(found) or ""):
        lines = block.splitlines()
        if all(line.startswith("    ") for line in lines):
            code = "\n".join(line[4:] for line in lines)
            parts.append(f"```text\n{code}\n```")
        elif any(NAMED.match(line) for line in lines):
            parts.append(_list(lines))
        else:
            parts.append(_words(block))
    return "\n\n".join(parts)


def _list(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if found := NAMED.match(line):
            items.append(f"- **{_words(found['names'])}**: {_words(found['rest'])}")
        elif items:
            items[-1] += " " + _words(line.strip())
        else:
            items.append(_words(line))
    return "\n".join(items)


def _words(text: str) -> str:
    """Docstrings are plain text: what Markdown would take for its own is kept as it is."""
    pieces = re.split(r"(`[^`]*`)", text)
    plain = [p if p.startswith("`") else re.sub(r"([*_<\[\]])", r"\\\1", p) for p in pieces]
    return "".join(plain)
