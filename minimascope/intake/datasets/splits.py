"""Training, validation and test data in one file: which part is taken for which purpose.

By the names people give arrays (Keras' x_train, MedMNIST's train_images), folders and files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.taken import Row, left, named

Role = Literal["train", "test"]
T = TypeVar("T")
_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_ALTERNATIVES = {"train": ("train",), "test": ("test", "validation")}
_PURPOSE = {"train": "the training set", "test": "the test set"}
_FIRST = re.compile(rf"({'|'.join(_WORDS)})[_.-](.+)", re.IGNORECASE)
_LAST = re.compile(rf"(.+)[_.-]({'|'.join(_WORDS)})", re.IGNORECASE)


def word(text: str) -> str | None:
    """The split that a folder or file is named after: "train", "validation" or "test"."""
    return _WORDS.get(text.lower())


def of_file(path: str) -> str | None:
    """The split that a path says: by a folder, or by the beginning or end of the file's name."""
    *folders, leaf = path.split("/")
    stem = leaf.split(".", 1)[0]
    for text in (*folders, *re.split(r"[_-]", stem)):
        found = word(text)
        if found is not None:
            return found
    return None


def of_array(name: str) -> tuple[str, str | None]:
    """("x", "train") of "x_train", ("images", "test") of "test_images"; the name and None else."""
    first, last = _FIRST.fullmatch(name), _LAST.fullmatch(name)
    if first:
        return first[2], word(first[1])
    if last:
        return last[1], word(last[2])
    return name, None


def chosen(present: Iterable[str], role: Role, what: str) -> str:
    """The split that serves a purpose. Raises ProblemError split_missing where none does."""
    there = list(dict.fromkeys(present))
    for each in _ALTERNATIVES[role]:
        if each in there:
            return each
    raise ProblemError(
        "split_missing",
        f"The file holds {what} for {' and '.join(there)}, none for {_PURPOSE[role]}.",
        "Send it as the other data set, or a file without the names of splits.",
    )


def arrays_for(
    arrays: Mapping[str, T], role: Role, label: str | None = None
) -> tuple[dict[str, T], list[str], list[Row]]:
    """The arrays of one split under names without it; a sentence and rows of the others."""
    kinds = {name: of_array(name) for name in arrays if name != label}
    present = [split for _, split in kinds.values() if split is not None]
    if not present:
        return dict(arrays), [], []
    own = chosen(present, role, "arrays")
    found: dict[str, T] = {name: arrays[name] for name in arrays if name == label}
    for name, (stem, split) in kinds.items():
        if split in (own, None):
            found[stem] = arrays[name]
    others = [name for name, (_, split) in kinds.items() if split not in (own, None)]
    taken = [name for name, (_, split) in kinds.items() if split == own]
    rows = [Row(f"arrays {named(taken)}", _PURPOSE[role])]
    if not others:
        return found, [], rows
    return found, [_said(named(taken), named(others), role)], [*rows, left(*_other(others, role))]


def paths_for(paths: list[str], role: Role, of: str) -> tuple[list[str], list[str], list[Row]]:
    """The paths of one split, or all where none is named; a sentence and rows of the others."""
    kinds = {path: of_file(path) for path in paths}
    present = [split for split in kinds.values() if split is not None]
    if not present:
        return paths, [], []
    own = chosen(present, role, of)
    taken = [path for path in paths if kinds[path] == own]
    others = [path for path in paths if kinds[path] != own]
    rows = [Row(f"{len(taken)} {of} under {own}", _PURPOSE[role])]
    for split in sorted({kinds[path] or "no split" for path in others}):
        count = sum((kinds[path] or "no split") == split for path in others)
        rows.append(left(f"{count} {of} under {split}", f"not {_PURPOSE[role]}"))
    if not others:
        return taken, [], rows
    words = ", ".join(row.part for row in rows if not row.taken)
    return taken, [_said(rows[0].part, words, role)], rows


def _said(taken: str, others: str, role: Role) -> str:
    other = "as the test set" if role == "train" else "for training"
    return (
        f"For {_PURPOSE[role]} {taken} were taken; {others} were left (send the file {other} too)."
    )


def _other(names: list[str], role: Role) -> tuple[str, str]:
    return f"arrays {named(names)}", f"not {_PURPOSE[role]}"
