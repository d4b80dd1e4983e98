"""`minimascope.track`: a training loop that knows where it stands, at a twentieth of its time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import torch

from minimascope.analysis.session.opening import data_summary
from minimascope.client.reports import Reports
from minimascope.contract.problems import ProblemError
from minimascope.contract.report.tracked import Tracked
from minimascope.curvature.products.hessian import hessian
from minimascope.results.refusals import needed
from minimascope.results.result import Result
from minimascope.tracking.followed import Followed, followed
from minimascope.tracking.measuring import Measuring
from minimascope.tracking.pacing import Pace
from minimascope.tracking.reporting import arrays_of, report_of
from minimascope.tracking.stepping import Stepping, stepping
from minimascope.training.asked import Script, check_callable
from minimascope.training.optimizer import unwrapped
from minimascope.training.surroundings import left_as_it_was

Log = Callable[[dict[str, float]], Any]
EXAMPLES, PAIRS = 256, 2
SHARE = 0.04  # of the clock; with what it costs beside its own time it stays within a twentieth
FIRST_PRODUCTS = 40  # of a first measurement, about: what it is expected to take
PREFIX = "minimascope/"


class Tracker:
    """What `track` gives: called after each step, or used around the loop.

    `history` has a row a measurement (`minimascope.contract.report.tracked.Tracked`), `reports`
    the last report; `overhead` is what all of it has cost, as a share of training time.
    """

    def __init__(
        self,
        script: Script,
        told: Mapping[str, Any],
        pace: Pace,
        *,
        examples: int,
        pairs: int,
        log: Log | None,
        place: Place | None,
    ) -> None:
        self.history: list[Tracked] = []
        self.step = 0
        self._log, self._place, self._pace = log, place, pace
        self._latest: Result | None = None
        self._hook: Any = None
        self._rates, self._made = 0.0, list[float]()
        with pace.preparing(), left_as_it_was():
            script = replace(script, optimizer=unwrapped(script.optimizer))
            self._optimizer = script.optimizer
            self._followed = followed(script, dict(told), examples=examples)
            seed = self._followed.opened.parameters.seed
            self._measuring = Measuring(self._followed, pairs, seed)
            pace.expected = _seconds_of(self._followed)

    def __call__(self, step: int | None = None) -> Tracked | None:
        """After a step of the optimiser, the `step`-th where that is given: what was measured, or
        None where it was not yet time. Within `with` steps are counted without being told."""
        if step is not None:
            self.step = step
        elif self._hook is None:
            self.step += 1
        if self._hook is None:
            self._count()
        return self._at_its_time()

    def __enter__(self) -> Self:
        register = getattr(self._optimizer, "register_step_post_hook", None)
        if register is not None:
            self._hook = register(self._stepped)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if error is None:
            self.close()

    def close(self) -> None:
        """Measures the weights of the end, where nothing was measured of them and there is time
        for it, or nothing was measured at all."""
        last = self.history[-1].step if self.history else None
        if last is None or (last != self.step and self._pace.due(max(self.step, self._far(last)))):
            self.measure()

    def _far(self, last: int) -> int:
        return last + self._pace.every

    def measure(self) -> Tracked:
        """Now, whether it is time or not."""
        with self._pace.measuring(self.step):
            began = time.perf_counter()
            with left_as_it_was():
                self._followed.update()
                data = data_summary(replace(self._followed.opened))
                found = self._measuring.measure(data, self._stepping(), self._rates, self.step)
                seconds = time.perf_counter() - began
                report = report_of(self._followed, found, seconds=seconds)
                self._latest = Result(report, arrays_of(self._followed, found))
        return self._told(found.numbers)

    @property
    def overhead(self) -> float:
        """Seconds of measuring over seconds of training so far, publishing and logging included."""
        return self._pace.overhead

    @property
    def result(self) -> Result:
        """The report of the last measurement; one is made where there was none."""
        if self._latest is None:
            self.measure()
        assert self._latest is not None
        return self._latest

    def frame(self) -> Any:
        """A DataFrame with a row a measurement, by step; one is made where there was none.

        Raises ProblemError not_installed.
        """
        pandas = needed("pandas", "A DataFrame")
        if not self.history:
            self.measure()
        return pandas.DataFrame([each.model_dump() for each in self.history]).set_index("step")

    def _stepped(self, *_: Any) -> None:
        self.step += 1
        self._count()
        self._at_its_time()

    def _at_its_time(self) -> Tracked | None:
        measured = self.history and self.history[-1].step == self.step
        return self.measure() if not measured and self._pace.due(self.step) else None

    def _count(self) -> None:
        """The learning rates so far: how long gradient flow went on (docs/mathematics.md, 7)."""
        if self._optimizer is not None:
            made = [float(each.get("lr", 0.0)) for each in self._optimizer.param_groups]
            self._made = made if any(made) else self._made  # a schedule's last one is 0
            group = self._optimizer.param_groups[0]
            rate = float(group.get("lr", 0.0)) * (self._followed.asked.summed or 1.0)
            self._rates += rate / (1 - float(group.get("momentum", 0.0)))

    def _stepping(self) -> Stepping | None:
        if self._optimizer is None:
            return None
        own = self._followed
        return stepping(self._optimizer, own.parameters, own.asked.summed, self._made)

    def _told(self, numbers: Tracked) -> Tracked:
        """Kept, logged and published, all of which counts."""
        with self._pace.telling():
            numbers = numbers.model_copy(update={"overhead": self.overhead})
            self.history.append(numbers)
            latest = self.result
            report = latest.report.model_copy(update={"tracked": numbers})
            self._latest = Result(report, latest.arrays)
            if self._log is not None:
                self._log(values_of(self._latest))
            if self._place is not None:
                self._place.put(self._latest, numbers.step)
        return numbers


class Place:
    """The run of a server where reports go. A server that is away stops no training."""

    def __init__(self, url: str, run: str, token: str) -> None:
        self._url, self._run, self._token = url, run, token
        self.failed = 0

    def put(self, result: Result, step: int) -> None:
        """Warns once where it cannot, and counts."""
        name = f"{self._run}, step {step}"
        try:
            with Reports(self._url, self._token) as server:
                server.publish(result, name=name, run=self._run, step=step)
        except ProblemError as problem:
            self.failed += 1
            if self.failed == 1:
                said = f"minimascope: step {step} was not published: {problem.sentence}"
                warnings.warn(said, stacklevel=2)


def values_of(result: Result) -> dict[str, float]:
    """Numbers of a tracked report for any `log(dict)`."""
    report = result.report
    assert report.tracked
    assert report.spectrum
    numbers = report.tracked.model_dump(exclude={"step", "examples", "total", "limit_words"})
    numbers |= {
        "lambda_max": report.spectrum.eigenvalues[0],
        "trace": report.spectrum.trace.value,
        "train_loss": report.data.train.loss,
        "test_loss": report.data.test.loss if report.data.test else None,
    }
    return {PREFIX + name: float(each) for name, each in numbers.items() if each is not None}


def _seconds_of(held: Followed) -> float:
    """What a first measurement may take: so many products, of which one is timed."""
    operator = hessian(held.minimum)
    row = torch.ones_like(held.minimum.theta)[None]
    operator.matmat(row)
    began = time.perf_counter()
    operator.matmat(row)
    return FIRST_PRODUCTS * (time.perf_counter() - began)


def track(
    model: Any,
    data: Any = None,
    criterion: Any = None,
    optimizer: Any = None,
    *,
    test: Any = None,
    every: int = 1,
    budget: float | None = SHARE,
    forward: Callable[[Any, Any], Any] | None = None,
    examples: int = EXAMPLES,
    pairs: int = PAIRS,
    log: Log | None = None,
    publish: str | None = None,
    run: str | None = None,
    token: str = "",
    **told: Any,
) -> Tracker:
    """Follows a training run: λ₁ against the edge of stability, trace, soft rank, gap, margin, G.

        with minimascope.track(model, loader, criterion, optimizer, log=wandb.log) as tracker:
            for X, y in loader:
                ...
                optimizer.step()
        tracker.frame()

    Or, without `with`, `tracker()` after each step of the optimiser. Weights, grads, random states
    and modes of the script stay as they are: a copy is measured, on a fixed sample.

    data, test, criterion, forward: as `minimascope.analyze` takes them. optimizer: its learning
        rate and state say where the edge of stability is, its own step that one was made.
    every: steps between two measurements, at least. budget: seconds of measuring a second of
        training; more steps pass where they would not stay within it. None: exactly `every` steps.
    examples: of the sample. pairs: eigenpairs, each found from its last one.
    log: called with a dict of numbers at each measurement. publish, run, token: the address of a
        server, which then shows the run at /runs/NAME while it goes on.
    told: any parameter of an analysis; dtype="float32" unless it is told.

    Raises ProblemError as `minimascope.analyze` does.
    """
    check_callable(forward)
    _check(every, budget, examples, pairs)
    if (publish is None) != (run is None):
        raise ProblemError("invalid_parameters", "publish= and run= go together.")
    return Tracker(
        Script(model, data, criterion, optimizer, test, forward),
        {"dtype": "float32", "stages": ["spectrum"], "top_k": pairs, **told},
        Pace(budget, every),
        examples=examples,
        pairs=pairs,
        log=log,
        place=None if publish is None or run is None else Place(publish, run, token),
    )


def _check(every: int, budget: float | None, examples: int, pairs: int) -> None:
    for name, value in {"every": every, "examples": examples, "pairs": pairs}.items():
        if value < 1:
            raise ProblemError("invalid_parameters", f"{name} is {value}; at least 1 is needed.")
    if budget is not None and budget <= 0:
        sentence = f"budget is {budget:g}: no time to measure in."
        raise ProblemError("invalid_parameters", sentence, "Give a share, or None for any.")
