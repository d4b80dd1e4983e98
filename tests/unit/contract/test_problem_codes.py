"""The registry of problems and the code that refuses say the same codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from minimascope.contract.problem_codes import PROBLEMS, SECTIONS
from minimascope.contract.problem_page import page
from minimascope.contract.problems import ProblemError

ROOT = Path(__file__).parents[3]
ROOMS = ("minimascope", "backend", "workers", "dashboard")
REGISTRY = "problem_codes.py"
Function = ast.FunctionDef | ast.AsyncFunctionDef
Helpers = dict[tuple[Path, str], Function]


@dataclass
class Module:
    """One file: its calls with what is around them, its constants, every text in it."""

    path: Path
    tree: ast.Module
    constants: dict[str, ast.expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                    self.constants[target.id] = node.value

    def texts(self) -> set[str]:
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Constant)]
        return {node.value for node in nodes if isinstance(node.value, str)}

    def calls(self) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
        """Every call, and the functions and classes around it, the innermost last."""
        yield from _calls(self.tree, [])


def _calls(node: ast.AST, around: list[ast.AST]) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
    if isinstance(node, ast.Call):
        yield node, around
    inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, [*around, node] if inside else around)


def called(call: ast.Call) -> str:
    """The last part of what is called."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    found = [Module(p, ast.parse(p.read_text())) for p in paths if p.name != REGISTRY]
    imported = {name: value for module in found for name, value in module.constants.items()}
    for module in found:
        module.constants = imported | module.constants
    return found


def codes(modules: list[Module]) -> set[str]:
    """All that `ProblemError(code, …)` is called with, through constants and helpers."""
    found: set[str] = set()
    helpers: Helpers = {}
    for module in modules:
        for call, around in module.calls():
            if called(call) == "ProblemError" and call.args:
                found |= resolved(call.args[0], module, around, helpers)
    for (path, name), function in helpers.items():
        # A private one is called where it stands.
        near = [each for each in modules if each.path == path or not name.startswith("_")]
        found |= given(name, function, near)
    return found


def resolved(code: ast.expr, module: Module, around: list[ast.AST], helpers: Helpers) -> set[str]:
    """The texts that an expression may be; a parameter makes its function a helper."""
    if isinstance(code, ast.Name) and code.id in module.constants:
        code = module.constants[code.id]
    match code:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            parts = [resolved(each, module, around, helpers) for each in (one, other)]
            return parts[0] | parts[1]
        case ast.Subscript(value=ast.Name(id=table)) if table in module.constants:
            return texts_of(module.constants[table])
        case ast.Attribute(attr="code"):
            return set()  # of a problem that was raised before
        case ast.Attribute(attr="_code"):
            made = next(node for node in around if isinstance(node, ast.ClassDef))
            helpers[module.path, made.name] = next(
                each
                for each in made.body
                if isinstance(each, ast.FunctionDef) and each.name == "__init__"
            )
            return set()
        case ast.Name(id="code"):
            return of_a_parameter(module, around, helpers)
    pytest.fail(f"{module.path}:{code.lineno}: which codes are {ast.unparse(code)}?")


def of_a_parameter(module: Module, around: list[ast.AST], helpers: Helpers) -> set[str]:
    function = around[-1]
    assert isinstance(function, Function)
    names = [each.arg for each in function.args.args]
    if "code" in names:
        helpers[module.path, function.name] = function
        return set()
    # A variable: what it is looked up in is a table of this module.
    assigned = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code"
    ]
    found: set[str] = set()
    for value in assigned:
        found |= texts_of(value)
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id in module.constants:
                found |= texts_of(module.constants[node.id])
    assert found, f"{module.path}:{function.lineno}: which codes?"
    return found


def texts_of(node: ast.expr) -> set[str]:
    """Values of a table, or the texts in an expression."""
    nodes = node.values if isinstance(node, ast.Dict) else list(ast.walk(node))
    found = [each.value for each in nodes if isinstance(each, ast.Constant)]
    return {each for each in found if isinstance(each, str)}


def given(name: str, function: Function, modules: list[Module]) -> set[str]:
    """What a helper is called with as `code`, wherever it is called, and its default."""
    names = [each.arg for each in function.args.args if each.arg != "self"]
    place = names.index("code")
    found: set[str] = set()
    for default in function.args.defaults:
        found |= texts_of(default) & set(PROBLEMS)
    for module in modules:
        for call, around in module.calls():
            if called(call) != name:
                continue
            named = [each.value for each in call.keywords if each.arg == "code"]
            for code in named or call.args[place : place + 1]:
                found |= resolved(code, module, around, {})
    return found


def test_every_code_that_is_raised_is_registered(modules: list[Module]) -> None:
    assert codes(modules) - set(PROBLEMS) == set()


def test_every_registered_code_is_said_somewhere(modules: list[Module]) -> None:
    said = set[str]().union(*(module.texts() for module in modules))
    assert set(PROBLEMS) - said == set()


def test_a_status_that_a_place_gives_is_one_of_its_codes(modules: list[Module]) -> None:
    for module in modules:
        for call, _ in module.calls():
            status = next((k.value for k in call.keywords if k.arg == "status"), None)
            if called(call) != "ProblemError" or not isinstance(status, ast.Constant):
                continue
            if isinstance(call.args[0], ast.Constant):
                row = PROBLEMS[str(call.args[0].value)]
                assert status.value in (row.status, *row.others), f"{module.path}:{call.lineno}"


def test_a_code_stands_once() -> None:
    rows = [row.code for rows in SECTIONS.values() for row in rows]
    assert sorted(rows) == sorted(set(rows))


def test_an_unregistered_code_is_a_fault() -> None:
    with pytest.raises(ValueError, match="no registered problem"):
        ProblemError("no_such_code", "A sentence.")


def test_a_problem_of_another_version_is_taken_as_it_is() -> None:
    told = {"code": "of_next_year", "sentence": "A sentence.", "advice": "", "status": 418}
    assert ProblemError.from_dict(told).as_dict() == told


def test_what_a_place_does_not_say_the_registry_says() -> None:
    problem = ProblemError("no_plan_yet", "The workers are busy.")
    assert (problem.status, problem.advice) == (503, "Ask again in a minute.")
    problem = ProblemError("no_plan_yet", "The workers are busy.", "Wait.", status=500)
    assert (problem.status, problem.advice) == (500, "Wait.")


def test_the_page_of_problems_is_made_of_the_registry() -> None:
    assert (ROOT / "docs" / "problems.md").read_text() == page(), "make docs-problems"
