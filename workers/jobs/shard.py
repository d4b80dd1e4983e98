"""One part of somebody's analysis: files and a part in, an answer out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minimascope.analysis.parts import answer
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.faults import refusal_of
from minimascope.analysis.session.opening import open_files
from minimascope.analysis.sharing.shards import Part
from minimascope.contract.shards import ShardQuestion
from minimascope.curvature.products import graphs
from workers.jobs.job import Job


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


def run(job: Job) -> dict[str, Any]:
    """Publishes the arrays of the answer, returns its values. ProblemError where there is none."""
    graphs.plan_with(job.memory_share)
    shard = job.asks(ShardQuestion)
    opened = LAST.opened(
        shard.analysis, lambda: open_files(job.paths, job.parameters, workdir=job.workdir)
    )
    part = Part(shard.stage, shard.index, 1, 0.0, shard.question)

    def told(done: float) -> None:
        job.publisher.progress(part.stage, done, "")

    try:
        found = answer(opened, job.parameters, part, told, unfinished=job.unfinished)
    except ValueError as error:
        raise refusal_of(error) from error
    for name, values in found.arrays.items():
        job.publisher.array(name, values)
    return found.value
