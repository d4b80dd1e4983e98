"""Parts of a stage that do not need each other: computed here, or by whoever has time.

A stage is cut into parts, each with an answer that follows from the files, the parameters and the
part alone. So the numbers are the same however many workers there were, and in whatever order
they finished: the stage puts the answers together in the order of its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

# Less work than this is not handed out: opening the files again would cost as much.
WORTH_SHARING = 20.0


@dataclass(frozen=True)
class Part:
    """Part `index` of a stage, `points` of its work, `seconds` of CPU time; `what` is JSON."""

    stage: str
    index: int
    points: int
    seconds: float
    what: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """Small values as JSON, and arrays named as in `minimascope.contract.arrays`."""

    value: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


Work = Callable[[Part, Callable[[float], None]], Answer]


class Shards(Protocol):
    """Where the parts of an analysis are computed."""

    def add(self, parts: Sequence[Part], *, seconds: float) -> None:
        """From now on others may answer these, if `seconds` of CPU time are worth it."""

    def elsewhere(self, stage: str) -> bool:
        """Whether all that is left of a stage is being answered by others."""

    def gather(
        self, parts: Sequence[Part], work: Work, progress: Callable[[float], None]
    ) -> list[Answer]:
        """Every answer, in order; `work` answers what nobody else does.

        Raises ProblemError with the sentence of a part that could not be computed.
        """


class Alone:
    """Everything here, one after another."""

    def add(self, parts: Sequence[Part], *, seconds: float) -> None:
        """There is nobody to tell."""

    def elsewhere(self, stage: str) -> bool:
        return False

    def gather(
        self, parts: Sequence[Part], work: Work, progress: Callable[[float], None]
    ) -> list[Answer]:
        total, before = sum(each.points for each in parts), 0
        answers: list[Answer] = []
        for each in parts:

            def told(done: float, start: int = before, points: int = each.points) -> None:
                progress((start + done * points) / total)

            answers.append(work(each, told))
            before += each.points
            progress(before / total)
        return answers
