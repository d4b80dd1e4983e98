"""Nothing in the product runs code out of a file: the calls that would are nowhere in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    p
    for room in ("minimascope", "backend", "dashboard", "workers")
    for p in (ROOT / room).rglob("*.py")
]
FORBIDDEN = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr"}
FORBIDDEN_OF = {
    "pickle": {"load", "loads", "Unpickler"},
    "dill": {"load", "loads"},
    "joblib": {"load"},
    "export": {"load"},
    "jit": {"load"},
    "np": {"load"},
    "numpy": {"load"},
    "hub": {"load"},
    "yaml": {"load", "unsafe_load"},
}


SAFE = {"weights_only": True, "allow_pickle": False, "trust_remote_code": False}


def forbidden_call(call: ast.Call) -> Iterator[str]:
    """The called function, where it runs code out of its argument."""
    called = call.func
    if isinstance(called, ast.Name) and called.id in FORBIDDEN:
        yield called.id
    if not isinstance(called, ast.Attribute):
        return
    owner = called.value
    leaf = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    if called.attr in FORBIDDEN_OF.get(leaf, set()) | {"sympify", "parse_expr"}:
        yield f"{leaf}.{called.attr}"
    if leaf == "torch" and called.attr == "load":
        yield from missing_option(call)


def missing_option(call: ast.Call) -> Iterator[str]:
    if not any(keyword.arg == "weights_only" for keyword in call.keywords):
        yield "torch.load without weights_only=True"


def unsafe_option(call: ast.Call) -> Iterator[str]:
    """Options that must be spelled out with their safe value."""
    for keyword in call.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg in SAFE and value is not SAFE[keyword.arg]:
            yield f"{keyword.arg} not constant and safe"


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from forbidden_call(node)
            yield from unsafe_option(node)


def test_no_source_runs_code_out_of_a_file() -> None:
    assert len(SOURCES) > 20
    found = [
        f"{path.relative_to(ROOT)}: {offence}"
        for path in SOURCES
        for offence in offences(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "exec(x)",
        "pickle.load(f)",
        "torch.export.load(f)",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f, allow_pickle=True)",
        "sympy.sympify(x)",
    ],
)
def test_the_search_finds_each_forbidden_call(code: str) -> None:
    assert list(offences(ast.parse(code)))


def test_the_search_lets_evaluation_mode_pass() -> None:
    assert list(offences(ast.parse("network.eval()"))) == []
