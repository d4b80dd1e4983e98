"""What an analysis would cost here, before it is asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from minimascope.parameters import Parameters
from minimascope.problems import ProblemError
from workers.analysis.guessing import worse_than_guessing
from workers.analysis.opening import Opened, data_summary
from workers.analysis.run import planned_stages
from workers.analysis.spectrum_stage import plan_stage
from workers.analysis.stage_costs import stage_costs
from workers.curvature.planner import Plan

LONG = 60.0  # seconds of a spectrum that nobody wants to wait for if they need not


def planned(opened: Opened, parameters: Parameters) -> dict[str, Any]:
    """The planner's prediction for this machine; ProblemError where it would not fit."""
    try:
        plan = plan_stage(opened.minimum, parameters)
    except ValueError as error:
        raise ProblemError("does_not_fit", str(error)) from error
    costs = stage_costs(opened.minimum, plan, planned_stages(parameters), top_k=parameters.top_k)
    sizes = {"parameters": opened.minimum.dim, "examples": opened.minimum.n}
    told = {each.name: getattr(plan, each.name) for each in fields(plan) if each.repr}
    data = data_summary(opened)
    warnings = [*worse_than_guessing(opened.minimum, data.train), *opened.warnings]
    warnings += _advice(plan, parameters)
    found = {"stage_seconds": costs, "data": data.model_dump(), "warnings": warnings}
    return {**told, **sizes, **found}


def _advice(plan: Plan, parameters: Parameters) -> list[str]:
    """What would make a long spectrum shorter."""
    if parameters.dtype == "float32" or plan.route != "lanczos" or plan.seconds < LONG:
        return []
    return [
        "With dtype float32 its products take half of the time, less where convolutions are large; "
        "pairs then converge to a residual of 1e-5 instead of 1e-6."
    ]
