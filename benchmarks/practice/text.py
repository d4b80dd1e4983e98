"""Real text that is on every machine which runs this: the documentation of installed packages.

`windows`: twelve words in a row of a docstring, which package is it from? `names`: the letters of
a function's or class's name, which package defines it?
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PACKAGES = ["numpy", "scipy", "torch", "sklearn", "statsmodels"]
NAMED = ["scipy", "torch", "sklearn", "statsmodels"]
WINDOW, VOCABULARY, LETTERS = 12, 120, 12
FILES = 260  # of each package, spread over all of its files
MOST = 4000  # examples of each package
LAID = Path(__file__).parents[2] / ".cache/practice_study/text.npz"

Read = tuple[np.ndarray, np.ndarray, int]


@cache
def windows() -> Read:
    """Word indices, n × 12: 0 is a word that is not among the commonest."""
    laid = _laid()
    return laid["windows"], laid["windows_y"], len(PACKAGES)


@cache
def names() -> Read:
    """Letter indices, n × 12: 1 to 26, 27 for an underscore, 0 for others and past the end."""
    laid = _laid()
    return laid["names"], laid["names_y"], len(NAMED)


def _laid() -> dict[str, np.ndarray]:
    """Reads all packages once and keeps the arrays."""
    if not LAID.exists():
        LAID.parent.mkdir(parents=True, exist_ok=True)
        found = {package: list(_definitions(package)) for package in PACKAGES}
        X, y = _windows(found)
        N, z = _names(found)
        np.savez(LAID, windows=X, windows_y=y, names=N, names_y=z)
    with np.load(LAID) as kept:
        return dict(kept)


def _definitions(package: str) -> Iterator[tuple[str, str]]:
    """(name, docstring) of functions and classes, in the order of the files."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    files = sorted(Path(spec.submodule_search_locations[0]).rglob("*.py"))
    for file in files[:: max(1, len(files) // FILES)]:
        try:
            tree = ast.parse(file.read_text(errors="ignore"))
        except SyntaxError:  # written for a later Python
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name.lower(), (ast.get_docstring(node) or "").lower()


def _windows(found: dict[str, list[tuple[str, str]]]) -> tuple[np.ndarray, np.ndarray]:
    words = {
        package: [re.findall(r"[a-z]+", text) for text in dict.fromkeys(t for _, t in pairs)]
        for package, pairs in found.items()
    }
    # Packages count alike; their own names would give them away.
    common: Counter[str] = Counter()
    for texts in words.values():
        all_words = [word for text in texts for word in text if word not in PACKAGES]
        for word, count in Counter(all_words).items():
            common[word] += count / len(all_words)
    known = [w for w, _ in sorted(common.items(), key=lambda x: (-x[1], x[0]))[: VOCABULARY - 1]]
    index = {word: i + 1 for i, word in enumerate(known)}
    rows = {
        package: _spread([row for text in texts for row in _cut(text, index)])
        for package, texts in words.items()
    }
    return _stacked(rows, PACKAGES)


def _cut(text: list[str], index: dict[str, int]) -> list[tuple[int, ...]]:
    starts = range(0, len(text) - WINDOW + 1, WINDOW)
    return [tuple(index.get(word, 0) for word in text[i : i + WINDOW]) for i in starts]


def _names(found: dict[str, list[tuple[str, str]]]) -> tuple[np.ndarray, np.ndarray]:
    own = {package: dict.fromkeys(name for name, _ in found[package]) for package in NAMED}
    times = Counter(name for names in own.values() for name in names)
    rows = {
        package: _spread([_letters(name) for name in names if times[name] == 1 and len(name) > 3])
        for package, names in own.items()
    }
    return _stacked(rows, NAMED)


def _letters(name: str) -> tuple[int, ...]:
    kept = ["abcdefghijklmnopqrstuvwxyz_".find(letter) + 1 for letter in name][:LETTERS]
    return tuple(kept + [0] * (LETTERS - len(kept)))


def _spread(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    unique = list(dict.fromkeys(rows))
    return unique[:: max(1, -(-len(unique) // MOST))]


def _stacked(
    rows: dict[str, list[tuple[int, ...]]], packages: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(np.arange(len(packages)), [len(rows[package]) for package in packages])
    return np.array([row for package in packages for row in rows[package]]), y
