"""What an analysis would cost here, before it is asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from minimascope.analysis.costs.spectrum import plan_stage
from minimascope.analysis.costs.stages import stage_costs
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.guessing import worse_than_guessing
from minimascope.analysis.session.opening import data_summary
from minimascope.analysis.session.sampling import for_spectrum
from minimascope.analysis.stages.asked import planned_stages
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.durations import duration
from minimascope.curvature.spectrum.plan import Plan

FEWER = 10  # times as many examples as the sample that is proposed
SAMPLES = [500, *(times * 10**power for power in range(3, 9) for times in (1, 2, 5))]  # sizes
LONG = 60.0  # seconds of a spectrum that nobody wants to wait for if they need not


def planned(opened: Opened, parameters: Parameters) -> dict[str, Any]:
    """The planner's prediction for this machine; ProblemError where it would not fit."""
    plan, costs = predicted(opened, parameters)
    sizes = {"parameters": opened.minimum.dim, "examples": opened.minimum.n}
    told = {each.name: getattr(plan, each.name) for each in fields(plan) if each.repr}
    data = data_summary(opened)
    read = [opened.read] if opened.read else []
    warnings = [*read, *worse_than_guessing(opened.minimum, data.train), *opened.warnings]
    warnings += advice(plan, opened.minimum, parameters)
    found = {"stage_seconds": costs, "data": data.model_dump(), "warnings": warnings}
    return {**told, **sizes, **found}


def predicted(opened: Opened, parameters: Parameters) -> tuple[Plan, dict[Stage, float]]:
    """The plan of the spectrum and wall seconds of every stage; ProblemError as `planned`."""
    examples = for_spectrum(opened.minimum, parameters)
    try:
        plan = plan_stage(examples, parameters)
    except ValueError as error:
        raise ProblemError("does_not_fit", str(error)) from error
    return plan, stage_costs(
        opened.minimum,
        plan,
        planned_stages(parameters),
        top_k=parameters.top_k,
        sampled=examples.n < opened.minimum.n,
    )


def advice(plan: Plan, minimum: Minimum, parameters: Parameters) -> list[str]:
    """What would make a long spectrum shorter."""
    if plan.route != "lanczos" or plan.seconds < LONG:
        return []
    found = []
    if parameters.dtype != "float32":
        found.append(
            "With dtype float32 its products take half of the time, less where convolutions are "
            "large; pairs then converge to a residual of 1e-5 instead of 1e-6."
        )
    few = max((size for size in SAMPLES if FEWER * size <= minimum.n), default=None)
    if parameters.spectrum_examples is None and few is not None:
        found.append(
            f"A spectrum of {few:,} of the {minimum.n:,} examples (spectrum_examples), drawn at "
            f"random, would take about {duration(plan.seconds * few / minimum.n)}; the report then "
            "says how far its eigenvalues hold for all of them."
        )
    return found
