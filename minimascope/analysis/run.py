"""From files or memory to report: the stages asked for, in order, each published as it ends."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy
import torch

from minimascope import __version__
from minimascope.analysis import parts
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.cross_validation import folds_given
from minimascope.analysis.session.faults import failure_of
from minimascope.analysis.session.guessing import worse_than_guessing
from minimascope.analysis.session.opening import Files, checkpoint_summary, data_summary, open_files
from minimascope.analysis.session.publishing import Publisher
from minimascope.analysis.session.session import Session
from minimascope.analysis.session.told import objective_summary
from minimascope.analysis.sharing.shards import Shards
from minimascope.analysis.stages import boundary as boundary_stage
from minimascope.analysis.stages import gap as gap_stage
from minimascope.analysis.stages import margins as margins_stage
from minimascope.analysis.stages import spectrum as spectrum_stage
from minimascope.contract.code import this_code
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import NEEDS_SPECTRUM, STAGES, Failure, Report, Stage
from minimascope.contract.schemas import StageState

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
) -> Report:
    """Runs every stage of one analysis and returns the finished report.

    `shards` lets others answer parts of it; the numbers do not depend on who does. `unfinished`
    is a folder that keeps long runs: the same analysis, killed on the way, goes on from them.

    A stage that cannot be computed becomes an entry of `report.failures` and the others go on;
    files that cannot be opened raise ProblemError, because then there is nothing to report.
    """
    return run_opened(
        lambda: open_files(files, parameters, workdir=workdir),
        parameters,
        publisher=publisher,
        unfinished=unfinished,
        shards=shards,
    )


def run_opened(
    open_it: Callable[[], Opened],
    parameters: Parameters,
    *,
    publisher: Publisher,
    unfinished: Path | None = None,
    shards: Shards | None = None,
) -> Report:
    """The same on what `open_it` opens: all that files and memory share."""
    session = begin(open_it, parameters, publisher=publisher)
    session.unfinished, session.shards = unfinished, shards or session.shards
    session.publish_points()
    stages = planned_stages(parameters)
    session.parts = parts.parts_of(session.opened.minimum, stages)
    asked = [each for stage in session.parts.values() for each in stage]
    session.shards.add(asked, seconds=sum(each.seconds for each in asked))
    for stage in in_turn(session, stages):
        run_stage(session, stage, stages)
    publisher.progress("done", 1.0, "Done")
    return session.report


def begin(
    open_it: Callable[[], Opened], parameters: Parameters, *, publisher: Publisher
) -> Session:
    """Everything opened, and a report that says what of."""
    publisher.progress("intake", 0.0, "Opening the checkpoint and the data")
    started = time.perf_counter()
    opened = open_it()
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


def in_turn(session: Session, stages: list[Stage]) -> Iterator[Stage]:
    """The stages in order; one that others are at work on comes when the rest is done."""
    later: list[Stage] = []
    for stage in stages:
        if session.parts.get(stage) and session.shards.elsewhere(stage):
            later.append(stage)
        else:
            yield stage
    yield from later


def planned_stages(parameters: Parameters) -> list[Stage]:
    """The stages asked for in their fixed order, with the spectrum where one needs it."""
    asked = set(parameters.stages)
    if asked & NEEDS_SPECTRUM:
        asked.add("spectrum")
    return [stage for stage in STAGES if stage in asked]


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
