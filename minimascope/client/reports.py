"""Results of a server: reports, arrays, answers, and the reports of training runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from minimascope.client import calls
from minimascope.client.calls import LONG_POLL, AnswerT, Array
from minimascope.client.connection import Connection
from minimascope.client.packed import packed
from minimascope.contract.questions.descents import Descent, DescentPath, DescentRequest
from minimascope.contract.questions.interpolations import (
    Interpolation,
    InterpolationCurve,
    InterpolationRequest,
)
from minimascope.contract.questions.question import Question
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.report import Report
from minimascope.contract.runs import Run, RunPage
from minimascope.contract.schemas import Analysis, KeyNumbersPage

# Of no use without the weights, and the largest of all.
LEFT_OUT = ("eigenvectors",)


class HasReport(Protocol):
    """A report in hand, as `minimascope.analyze` gives it."""

    @property
    def report(self) -> Report: ...
    @property
    def arrays(self) -> Mapping[str, np.ndarray]: ...


class Reports(Connection):
    """What was found."""

    def report(self, identifier: str) -> Report:
        """The report so far; ProblemError no_report_yet before the first stage.

        >>> client.report(analysis.id).gap.verdict
        'reliable'
        """
        return self.send(calls.report(identifier))

    def array(self, identifier: str, name: str) -> Array:
        """One array of `contract.arrays.ARRAYS`; ProblemError no_such_array where absent.

        >>> client.array(analysis.id, "eigenvalues").shape
        (82,)
        """
        return self.send(calls.array(identifier, name))

    def arrays(self, identifier: str) -> dict[str, Array]:
        """All of them by name.

        >>> sorted(client.arrays(analysis.id))[:2]
        ['alignment', 'alo_loss']
        """
        return self.send(calls.arrays(identifier))

    def publish(
        self, result: HasReport, *, name: str = "", run: str | None = None, step: int | None = None
    ) -> Analysis:
        """Puts a report that was computed here on the server, which computes nothing again.

        `run` and `step` make it one of a training run (`/runs/NAME`). Eigenvectors stay here: they
        are of no use without the weights. Raises ProblemError too_large, storage_full.

        >>> client.publish(minimascope.analyze(model, data), run="wd 1e-3", step=1000).elsewhere
        True
        """
        kept = {k: v for k, v in result.arrays.items() if k not in LEFT_OUT}
        content = packed(result.report, kept)
        key = uuid.uuid4().hex
        return self.send(calls.publish(name, run, step, key=key), lambda: iter([content]))

    def runs(self, *, limit: int = 50, cursor: str | None = None) -> RunPage:
        """Your training runs that have reports, the latest first.

        >>> [(each.name, each.last_step) for each in client.runs().items]
        [('wd 1e-3', 1000)]
        """
        return self.send(calls.runs(limit=limit, cursor=cursor))

    def run(self, name: str) -> Run:
        """The key numbers of a run's reports in order of step; ProblemError no_such_run.

        >>> [(each.step, each.sharpness) for each in client.run("wd 1e-3").points]
        [(500, 17.2), (1000, 19.8)]
        """
        return self.send(calls.run(name))

    def slice(
        self, identifier: str, request: SliceRequest, *, seconds: float = 600.0
    ) -> dict[str, Array]:
        """The arrays `slice_*` of a plane, waited for.

        Raises ProblemError no_such_slice for planes that do not exist, slice_not_ready where no
        worker computed it within `seconds`.

        >>> asked = SliceRequest(plane="points", points=(0, 1, 2))
        >>> client.slice(analysis.id, asked)["slice_class"].shape
        (200, 200)
        """
        found = self.answered(identifier, request, Slice, seconds=seconds)
        return self.send(calls.answer_arrays(found))

    def interpolation(
        self, identifier: str, request: InterpolationRequest, *, seconds: float = 600.0
    ) -> InterpolationCurve:
        """The loss on the line to another analysis, waited for.

        Raises ProblemError architectures_differ, data_differ, losses_differ where there is none,
        interpolation_not_ready where no worker computed it within `seconds`.

        >>> asked = InterpolationRequest(other=second.id)
        >>> client.interpolation(analysis.id, asked).train.barrier.value
        0.21
        """
        found = self.answered(identifier, request, Interpolation, seconds=seconds)
        assert found.curve
        return found.curve

    def descent(
        self, identifier: str, request: DescentRequest, *, seconds: float = 900.0
    ) -> tuple[DescentPath, bytes]:
        """The way to the nearest minimum, and a file of the weights there, to `store`.

        Raises ProblemError cannot_descend where there is no such minimum, descent_not_ready where
        no worker finished it within `seconds`.

        >>> path, file = client.descent(analysis.id, DescentRequest())
        >>> path.converged
        True
        """
        found = self.answered(identifier, request, Descent, seconds=seconds)
        assert found.path
        arrays = self.send(calls.answer_arrays(found))
        return found.path, arrays["checkpoint"].tobytes()

    def answered(
        self, identifier: str, question: Question, answer: type[AnswerT], *, seconds: float
    ) -> AnswerT:
        """Waits until a question is answered; ProblemError where it is not within `seconds`.

        >>> client.answered(analysis.id, asked, Slice, seconds=60.0).state
        'done'
        """
        deadline = time.monotonic() + seconds
        while True:
            found = self.send(calls.ask(identifier, question, answer, wait=LONG_POLL))
            if found.state == "done":
                return found
            if time.monotonic() > deadline:
                raise calls.not_ready(answer.kind, seconds)

    def compare(self, identifiers: Sequence[str]) -> KeyNumbersPage:
        """The key numbers of several analyses, in the order asked for.

        >>> [each.lambda_max for each in client.compare([first.id, second.id]).items]
        [17.2, 4.1]
        """
        return self.send(calls.compare(identifiers))
