"""A budget of seconds: fewer examples for the spectrum, then fewer stages, all of it said."""

from __future__ import annotations

from minimascope.analysis.planning import SAMPLES, predicted
from minimascope.analysis.session.assembly import Opened
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Stage
from minimascope.curvature.running.durations import duration

# What is given up first: what most of the report's sentences rest on comes last.
ORDER: tuple[Stage, ...] = ("margins", "boundary", "density", "gap")
FEWEST = 500


def within(opened: Opened, asked: Parameters, seconds: float) -> tuple[Parameters, list[str]]:
    """Parameters that are expected to take no more, and sentences of what that left out.

    Raises ProblemError invalid_parameters for a budget that is none.
    """
    if not seconds > 0:
        raise ProblemError("invalid_parameters", f"seconds = {seconds}: a budget is above 0.")
    parameters, costs = asked, _costs(opened, asked)
    if sum(costs.values()) <= seconds:
        return asked, []
    for count in _samples(opened, asked):
        parameters = asked.model_copy(update={"spectrum_examples": count})
        costs = _costs(opened, parameters)
        if sum(costs.values()) <= seconds:
            break
    said = list[str]()
    if parameters.spectrum_examples != asked.spectrum_examples:
        said = [
            f"To stay within {duration(seconds)}, spectrum and density are of "
            f"{parameters.spectrum_examples:,} of {opened.minimum.n:,} examples."
        ]
    return _fewer_stages(parameters, dict(costs), seconds, said)


def _costs(opened: Opened, parameters: Parameters) -> dict[Stage, float]:
    return predicted(opened, parameters)[1]


def _samples(opened: Opened, asked: Parameters) -> list[int]:
    """Sizes to try, the largest first."""
    most = min(opened.minimum.n, asked.spectrum_examples or opened.minimum.n)
    return sorted((size for size in SAMPLES if FEWEST <= size < most), reverse=True)


def _fewer_stages(
    parameters: Parameters, costs: dict[Stage, float], seconds: float, said: list[str]
) -> tuple[Parameters, list[str]]:
    stages = list(parameters.stages)
    for stage in ORDER:
        if sum(costs.values()) <= seconds or len(stages) == 1:
            break
        if stage in stages:
            stages.remove(stage)
            said.append(
                f"The stage {stage} was left out: about {duration(costs.pop(stage, 0.0))} more "
                f"than the {duration(seconds)} there were."
            )
    return parameters.model_copy(update={"stages": stages}), said
