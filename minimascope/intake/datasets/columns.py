"""Which columns of a table are labels, inputs, or neither: by name, by place, by what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.table_text import refused
from minimascope.intake.files.taken import Row, left, named

LABELS = ("y", "label", "target", "labels", "targets")
# How pandas and R write the numbers of rows.
INDEXES = ("", "unnamed: 0", "__index_level_0__", "rownames")
COLUMNS_TOLD, VALUES_TOLD = 200, 50
ADVICE = (
    "Say which column holds the labels: the field Label column, --label NAME, or the parameter "
    "label."
)


@dataclass(frozen=True)
class Table:
    """The names of all columns, whether the file has them, and which hold texts."""

    names: list[str]
    has_header: bool = True
    texts: Sequence[int] = ()


@dataclass(frozen=True)
class Parts:
    """Places of the labels, of the inputs, and of columns kept beside them by name."""

    label: int
    inputs: list[int]
    aside: dict[str, int]
    rows: list[Row]


def parts_of(table: Table, label: str | None, aside: Sequence[str]) -> Parts:
    """What each column is. Raises ProblemError: not_a_dataset, label_missing."""
    names = table.names
    found = label_column(table, label)
    apart = {name: names.index(name) for name in aside if name in names}
    index = [
        place
        for place, name in enumerate(names)
        if name.lower() in INDEXES and place != found and place not in apart.values()
    ]
    others = {found, *apart.values(), *index}
    inputs = [place for place in range(len(names)) if place not in others]
    if not inputs:
        raise refused("The table has no column besides the labels.")
    shown = named([names[place] for place in inputs])
    rows = [
        Row(f"column {names[found]!r}", "the labels"),
        Row(f"{len(inputs)} columns {shown}", "the inputs, in this order"),
        *(Row(f"column {name!r}", "kept beside the inputs") for name in apart),
        *(left(f"column {names[p]!r}", "the index that pandas or R wrote") for p in index),
    ]
    return Parts(found, inputs, apart, rows)


def label_column(table: Table, label: str | None) -> int:
    """The column of labels: of the name, else the place told; else the one of a usual name."""
    names = table.names
    twice = [name for name, times in Counter(names).items() if times > 1 and name]
    if twice:
        raise refused(f"Two columns of the table are named {twice[0][:60]!r}.")
    if label is not None:
        same = [place for place, name in enumerate(names) if visible(name) == visible(label)]
        found = same if table.has_header else []
        found = found or _by_place(label, len(names))
    elif not table.has_header:
        found = list(table.texts)
    else:
        found = [place for place, name in enumerate(names) if name.lower() in LABELS]
    if len(found) != 1:
        raise unlabelled(table, label)
    return found[0]


def _by_place(label: str, count: int) -> list[int]:
    """Counted from 1, or from the end with a minus."""
    try:
        place = int(label)
    except ValueError:
        return []
    place = place - 1 if place > 0 else count + place if place < 0 else count
    return [place] if 0 <= place < count else []


def unlabelled(table: Table, label: str | None) -> ProblemError:
    """No column is, or may be taken for, the labels."""
    if not table.has_header:
        of = "" if label is None else f"there is no column {label[:60]!r}: "
        return ProblemError(
            "label_missing",
            f"{of.capitalize()}the first line of the table holds data, not the names of its "
            f"{len(table.names)} columns.",
            "Say the place of the labels: --label 1 is the first column, --label -1 the last; or "
            "put a line of names before the data.",
        )
    names = [repr(name[:40]) for name in table.names]
    # Labels are mostly the last column, so that a long header keeps its end.
    shown = ", ".join(names if len(names) <= 12 else [*names[:6], "…", *names[-6:]])
    if label is None:
        sentence = f"The table needs one column named y, label or target; it has {shown}."
    else:
        sentence = f"The table has no column named {label[:60]!r}; it has {shown}."
    return ProblemError("label_missing", sentence, ADVICE)


def told(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """A column in a few words: its name, how many values differ, and how often each occurs."""
    counts = Counter(str(value).strip()[:200] for value in values)
    few = dict(sorted(counts.items())) if len(counts) <= VALUES_TOLD else None
    return {"name": name[:200], "different": len(counts), "counts": few}
