"""One part of somebody's analysis as a job: files and a question in, an answer out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from minimascope.analysis.faults import refusal_of
from minimascope.analysis.opening import Files, Opened, open_files
from minimascope.analysis.publishing import Publisher
from minimascope.analysis.sharing.parts import answer
from minimascope.analysis.sharing.shards import Question
from minimascope.contract.parameters import Parameters


class Remembered:
    """The analysis last opened: its next shard mostly comes to the same process."""

    def __init__(self) -> None:
        self._analysis = ""
        self._opened: Opened | None = None

    def opened(self, analysis: str, open_it: Callable[[], Opened]) -> Opened:
        if self._opened is None or self._analysis != analysis:
            self.forget()
            self._analysis, self._opened = analysis, open_it()
        return self._opened

    def forget(self) -> None:
        """Frees the memory for another kind of job."""
        self._analysis, self._opened = "", None


LAST = Remembered()


def run_shard(
    files: Files,
    parameters: Parameters,
    shard: dict[str, Any],
    *,
    workdir: Path,
    publisher: Publisher,
    state_path: Path | None = None,
) -> dict[str, Any]:
    """Publishes the arrays of the answer, returns its values. ProblemError where there is none."""
    opened = LAST.opened(shard["analysis"], lambda: open_files(files, parameters, workdir=workdir))
    question = Question(shard["stage"], shard["index"], 1, 0.0, shard["question"])

    def told(done: float) -> None:
        publisher.progress(question.stage, done, "")

    try:
        found = answer(opened, parameters, question, told, state_path=state_path)
    except ValueError as error:
        raise refusal_of(error) from error
    for name, values in found.arrays.items():
        publisher.array(name, values)
    return found.value
