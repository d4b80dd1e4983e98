"""The quick tier stays quick: no server, no browser, one thread, nothing borrowed from above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import torch

TESTS = Path(__file__).parents[1]
ABOVE = ("tests.servers", "tests.service", "tests.browser", "tests.long", "playwright", "psycopg")
QUICK = [path for room in ("unit", "cases") for path in sorted((TESTS / room).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """Full names of everything that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_a_quick_test_starts_no_server_and_no_browser() -> None:
    borrowed = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in QUICK
        for name in imported(path)
        if f"{name}.".startswith(tuple(f"{above}." for above in ABOVE))
    ]
    assert len(QUICK) > 100
    assert borrowed == []


def test_a_process_of_the_tests_has_one_thread() -> None:
    assert torch.get_num_threads() == 1
