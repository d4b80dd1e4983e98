"""Nothing in the product runs code out of a file: the calls that would are nowhere in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
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
    "hub": {"load"},
    "yaml": {"load", "unsafe_load"},
}


SPELLED_OUT = {"torch": "weights_only", "np": "allow_pickle", "numpy": "allow_pickle"}
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
    if called.attr == "load" and leaf in SPELLED_OUT:
        yield from missing_option(call, leaf)


def missing_option(call: ast.Call, module: str) -> Iterator[str]:
    """`unsafe_option` sees to it that the value is the safe one."""
    option = SPELLED_OUT[module]
    if not any(keyword.arg == option for keyword in call.keywords):
        yield f"{module}.load without {option}"


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
