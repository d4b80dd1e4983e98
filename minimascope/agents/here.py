"""Analyses in this process, one at a time, by the code path of `minimascope analyze`.

They are kept until the process ends.
"""

from __future__ import annotations

import hashlib
import queue
import tempfile
import threading
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minimascope.agents.minima import Order, Standing
from minimascope.cli.files import existing, given
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState, State

if TYPE_CHECKING:
    from minimascope.analysis.session.opening import Files


@dataclass
class Kept:
    """One analysis, which is its own publisher."""

    order: Order
    files: Files
    data: tuple[str | None, ...]
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    state: State = "queued"
    fraction: float = 0.0
    message: str = ""
    problem: dict[str, Any] | None = None
    found: Report | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.fraction, self.message = fraction, message

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        """The progress already says it."""

    def report(self, report: Report) -> None:
        self.found = report

    def array(self, name: str, value: np.ndarray) -> None:
        self.arrays[name] = value

    def standing(self) -> Standing:
        said = self.message if self.state == "running" else ""
        name = self.order.name
        return Standing(self.id, name, self.state, self.fraction, said, self.problem)


class Here:
    """The analyses of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._waiting: queue.SimpleQueue[Kept] = queue.SimpleQueue()
        # A daemon: whoever asked is gone when the process ends, and nothing else keeps the result.
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, order: Order) -> Standing:
        from minimascope.analysis.session.opening import Files

        train = given(order.train, "dataset")
        test = given(order.test, "dataset") if order.test else None
        state = existing(order.optimizer_state) if order.optimizer_state else None
        checkpoint = given(order.checkpoint, "checkpoint")
        files = Files(checkpoint, train, test, optimizer_state=state)
        kept = Kept(order, files, (_sha256(train), _sha256(test)))
        self._kept[kept.id] = kept
        self._waiting.put(kept)
        return kept.standing()

    def standing(self, identifier: str) -> Standing:
        return self._of(identifier).standing()

    def listed(self) -> list[Standing]:
        return [kept.standing() for kept in reversed(self._kept.values())]

    def report(self, identifier: str) -> Report:
        kept = self._of(identifier)
        if kept.found is None:
            raise ProblemError(
                "no_report_yet", f"The analysis {identifier!r} has no report: it is {kept.state}."
            )
        return kept.found

    def arrays(self, identifier: str) -> Mapping[str, np.ndarray]:
        return self._of(identifier).arrays

    def data(self, identifier: str) -> tuple[str | None, ...]:
        return self._of(identifier).data

    def _of(self, identifier: str) -> Kept:
        if identifier not in self._kept:
            raise missing("analysis", identifier)
        return self._kept[identifier]

    def _work(self) -> None:
        while True:
            kept = self._waiting.get()
            kept.state = "running"
            try:
                _run(kept)
                kept.state = "done"
            except ProblemError as problem:
                kept.problem, kept.state = problem.as_dict(), "failed"
            except Exception as fault:
                traceback.print_exc()
                sentence = f"Unexpected fault ({type(fault).__name__}); its trace is in the log."
                kept.problem, kept.state = ProblemError("fault", sentence).as_dict(), "failed"


def _run(kept: Kept) -> None:
    from minimascope.analysis.run import run_analysis

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        parameters = kept.order.parameters
        kept.found = run_analysis(kept.files, parameters, workdir=Path(workdir), publisher=kept)


def _sha256(path: Path | None) -> str | None:
    if path is None:
        return None
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
