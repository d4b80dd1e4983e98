"""What was taken from the files of an analysis, and what was left of each."""

from __future__ import annotations

from typing import Literal

from minimascope.contract.report.sections import Section


class TakenPart(Section):
    """One part of a file: what it was taken as, or why it was left, in `words`."""

    part: str
    words: str
    taken: bool = True


class TakenFile(Section):
    """The parts of one file, in the order in which they were decided."""

    file: Literal["checkpoint", "train", "test"]
    parts: list[TakenPart]
