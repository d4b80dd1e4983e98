"""From files or memory to report: the stages asked for, in order, each published as it ends."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scipy
import torch

from minimascope import __version__
from minimascope.analysis import parts
from minimascope.analysis.budget import PLANNED_SHARE, first_answers
from minimascope.analysis.fitting import taken_up
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.cross_validation import folds_given
from minimascope.analysis.session.faults import failure_of, refusal_of
from minimascope.analysis.session.guessing import worse_than_guessing
from minimascope.analysis.session.opening import Files, checkpoint_summary, data_summary, open_files
from minimascope.analysis.session.publishing import Publisher
from minimascope.analysis.session.session import Session
from minimascope.analysis.session.told import objective_summary
from minimascope.analysis.sharing.shards import Shards
from minimascope.analysis.stages import boundary as boundary_stage
from minimascope.analysis.stages import first
from minimascope.analysis.stages import gap as gap_stage
from minimascope.analysis.stages import margins as margins_stage
from minimascope.analysis.stages import spectrum as spectrum_stage
from minimascope.analysis.stages.asked import planned_stages
from minimascope.analysis.stages.tokens import has_positions
from minimascope.analysis.turns import in_turn, pictures_first
from minimascope.analysis.usual import within_usual
from minimascope.contract.code import this_code
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import NEEDS_SPECTRUM, Failure, Report, Stage
from minimascope.contract.schemas import StageState
from minimascope.curvature.running.deadline import OutOfTimeError, kept, left, within
from minimascope.curvature.running.durations import duration
from minimascope.machine.heap import pages_kept
from minimascope.machine.threads import one_thread_where_busy

ANSWER_SHARE = 0.2  # of a budget, that is left when everything was read
STAGE_FUNCTIONS: dict[Stage, Callable[[Session], None]] = {
    "spectrum": spectrum_stage.run,
    "density": spectrum_stage.run_density,
    "gap": gap_stage.run,
    "boundary": boundary_stage.run,
    "margins": margins_stage.run,
}
# Share of the whole an average analysis spends in each stage: it only paces the progress bar.
WEIGHTS: dict[Stage, float] = {
    "spectrum": 0.35,
    "density": 0.05,
    "gap": 0.3,
    "boundary": 0.15,
    "margins": 0.15,
}


def run_analysis(
    files: Files,
    parameters: Parameters,
    *,
    workdir: Path,
    publisher: Publisher,
    unfinished: Path | None = None,
    shards: Shards | None = None,
    foresee: bool = False,
) -> Report:
    """Runs every stage of one analysis and returns the finished report.

    `shards` lets others answer parts of it; the numbers do not depend on who does. `unfinished`
    is a folder that keeps long runs: the same analysis, killed on the way, goes on from them.
    `foresee` says in the report what each stage will take, before the first begins.

    A stage that cannot be computed becomes an entry of `report.failures` and the others go on;
    files that cannot be opened raise ProblemError, because then there is nothing to report.
    """
    return run_opened(
        lambda: open_files(files, parameters, workdir=workdir),
        parameters,
        publisher=publisher,
        unfinished=unfinished,
        shards=shards,
        foresee=foresee,
    )


def run_opened(
    open_it: Callable[[], Opened],
    parameters: Parameters,
    *,
    publisher: Publisher,
    unfinished: Path | None = None,
    shards: Shards | None = None,
    foresee: bool = False,
) -> Report:
    """The same on what `open_it` opens: all that files and memory share.

    With `parameters.seconds` it ends by then, of which what was done before it counts where a
    deadline runs already. Reading is not broken off, and a fifth is left for an answer after it.
    """
    started = time.perf_counter()
    with pages_kept(), within(parameters.seconds):
        publisher.progress("intake", 0.0, "Opening the checkpoint and the data")
        if parameters.seconds is not None:
            one_thread_where_busy()
        opened = within_usual(open_it())
        parameters = opened.parameters  # a budget may have been found needed
        least = ANSWER_SHARE * (parameters.seconds or 0.0)
        with within(parameters.seconds), kept(least=least):
            with _told_of_time(parameters):
                session = begin(opened, started, publisher=publisher)
            session.unfinished = unfinished
            if shards and parameters.seconds is None:  # others would not know of the deadline
                session.shards = shards
            first_pictures(session)
            if session.parameters.seconds is not None:
                first_answers(session, session.parameters.seconds)
            if foresee and parameters.seconds is None:
                foretell(session, started)
            return _answered(session)


@contextmanager
def _told_of_time(parameters: Parameters) -> Iterator[None]:
    """Raises ProblemError out_of_time where the end came before there was anything to report."""
    try:
        yield
    except OutOfTimeError as error:
        said = f"{duration(parameters.seconds or 0.0)} were over before a pass over the data."
        raise ProblemError("out_of_time", said) from error


def foretell(session: Session, started: float) -> None:
    """What each stage will take, told before the first begins."""
    stages = planned_stages(session.parameters)
    session.report.planned_seconds = first.foreseen(session, stages)
    session.report.wall_seconds["intake"] = time.perf_counter() - started
    session.publisher.report(session.report)


def _answered(session: Session) -> Report:
    publisher, stages = session.publisher, planned_stages(session.parameters)
    if not has_positions(session.opened.minimum):  # a language model's pictures show what is dear
        stages = pictures_first(stages, session.report.planned_seconds)
    told = {stage: session.allowed(stage) for stage in ("margins", "gap")}
    session.parts = parts.parts_of(session.opened.minimum, stages, **told)
    asked = [each for stage in session.parts.values() for each in stage]
    session.shards.add(asked, seconds=sum(each.seconds for each in asked))
    for stage in in_turn(session, stages):
        run_stage(session, stage, stages)
    while (again := taken_up(session, PLANNED_SHARE * left())) is not None:
        stages = [*stages, again]
        session.parts |= parts.parts_of(session.opened.minimum, [again], **told)
        run_stage(session, again, stages)
    publisher.progress("done", 1.0, "Done")
    return session.report


def begin(opened: Opened, started: float, *, publisher: Publisher) -> Session:
    """A report that says what was opened."""
    parameters = opened.parameters
    publisher.progress("intake", 0.0, f"Passing over {opened.minimum.n:,} examples")
    data = data_summary(opened)
    folds, said = folds_given(parameters, data.train)
    report = Report(
        versions=versions(),
        seed=parameters.seed,
        dtype=parameters.dtype,
        device=parameters.device,
        wall_seconds={"intake": time.perf_counter() - started},
        checkpoint=checkpoint_summary(opened, parameters),
        data=data,
        loss=opened.minimum.loss.name,
        objective=objective_summary(opened),
        cross_validation=folds,
        taken=opened.taken,
        warnings=[*worse_than_guessing(opened.minimum, data.train), *opened.warnings, *said],
    )
    return Session(opened, parameters, publisher, report)


def first_pictures(session: Session) -> None:
    """No number depends on them, so no analysis ends with them."""
    try:
        first.publish(session)
    except OutOfTimeError:
        return
    except Exception as error:
        refusal_of(error)  # want of memory is raised again: that is retried
        traceback.print_exc()


def run_stage(session: Session, stage: Stage, stages: list[Stage]) -> None:
    """One stage: its time, its progress share, its failure if it has one."""
    total = sum(WEIGHTS[each] for each in stages)
    before = sum(WEIGHTS[each] for each in stages[: stages.index(stage)])
    session.pace(stage, before / total, WEIGHTS[stage] / total)
    session.publisher.stage(stage, "running", None)
    started = time.perf_counter()
    failure = attempt(session, stage)
    seconds = time.perf_counter() - started
    session.report.wall_seconds[stage] = seconds
    if failure:
        session.report.failures.append(failure)
    session.publisher.report(session.report)
    session.publisher.stage(stage, ended_as(failure), seconds)


def ended_as(failure: Failure | None) -> StageState:
    """What does not apply was skipped, and is no failure to whoever watches."""
    if failure is None:
        return "done"
    return "skipped" if failure.inapplicable else "failed"


def attempt(session: Session, stage: Stage) -> Failure | None:
    """Runs a stage; what it raises becomes its stored failure, faults with a trace in the log."""
    try:
        if stage in NEEDS_SPECTRUM and session.spectrum is None:
            raise ProblemError("spectrum_missing", "This stage needs the spectrum, which failed.")
        STAGE_FUNCTIONS[stage](session)
    except Exception as error:
        failure = failure_of(stage, error)
        if failure.code == "fault":
            traceback.print_exc()
        return failure
    return None


def versions() -> dict[str, str]:
    return {
        "minimascope": __version__,
        "estimators": this_code().estimators,
        "build": this_code().build,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
    }
