"""A budget that is kept only by an analysis that would take longer than it."""

from __future__ import annotations

from dataclasses import replace

from minimascope.analysis.planning import predicted
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.drawing import PASS_SHARE, affordable, row_time
from minimascope.analysis.session.opening import output_count
from minimascope.contract.problems import ProblemError
from minimascope.curvature.running.durations import duration

SMALL = 3000  # parameters, and outputs of all examples: matrices of both take seconds
PASSES = 100_000  # of a whole analysis of a small network at most


def within_usual(opened: Opened) -> Opened:
    """The same where all that is asked for is expected to take no longer than `seconds_at_most`,
    so that no number knows of a budget; else with that budget, and saying so.

    `seconds` that were given stay.
    """
    parameters, seconds = opened.parameters, opened.parameters.seconds_at_most
    if seconds is None or parameters.seconds is not None:
        return opened
    why = _longer(opened, seconds)
    if why is None:
        return opened
    minimum, test, total = affordable(opened.minimum, opened.test, seconds, parameters.seed)
    said = f"A budget of {duration(seconds)} is kept: {why}."
    return replace(
        opened,
        minimum=minimum,
        test=test,
        total=total,
        warnings=[*opened.warnings, said],
        parameters=parameters.model_copy(update={"seconds": seconds}),
    )


def _small(opened: Opened) -> bool:
    """So small that no matrix of it takes long; a plan, which takes a second, is made later."""
    minimum = opened.minimum
    return max(minimum.dim, minimum.n * output_count(minimum)) <= SMALL


def _longer(opened: Opened, seconds: float) -> str | None:
    """Why this takes longer, None where it does not."""
    once = opened.minimum.n * row_time(opened.minimum)
    if once > PASS_SHARE * seconds:
        return f"one pass over the training examples takes about {duration(once)}"
    if _small(opened) and PASSES * once <= seconds:
        return None
    try:
        took = sum(predicted(opened, opened.parameters)[1].values())
    except ProblemError as problem:  # what does not fit in memory
        return problem.sentence.strip(" .")
    return None if took <= seconds else f"everything would take about {duration(took)}"
