"""What was taken of a file and what was left, a row a part: decided and said in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

ROWS = 60  # shown; a file with more odd parts says how many there were


@dataclass(frozen=True)
class Row:
    """One part of a file: taken as something, or left for a reason, in `words`."""

    part: str
    words: str
    taken: bool = True


def left(part: str, why: str) -> Row:
    """A part that was not used."""
    return Row(part, why, taken=False)


def named(names: list[str], shown: int = 6) -> str:
    """Names in quotes, the middle of a long list counted."""
    quoted = [repr(name[:60]) for name in names]
    if len(quoted) <= shown:
        return ", ".join(quoted)
    return f"{', '.join(quoted[: shown - 1])} and {len(quoted) - shown + 1} more"


def as_values(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows as JSON values, so many of them that a person can read them."""
    found = [asdict(row) for row in rows[:ROWS]]
    if len(rows) > ROWS:
        found.append(asdict(left(f"{len(rows) - ROWS} more parts", "not listed here")))
    return found
