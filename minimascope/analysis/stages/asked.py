"""The stages of an analysis in their order."""

from __future__ import annotations

from minimascope.contract.parameters import Parameters
from minimascope.contract.report import NEEDS_SPECTRUM, STAGES, Stage


def planned_stages(parameters: Parameters) -> list[Stage]:
    """The stages asked for in their fixed order, with the spectrum where one needs it."""
    asked = set(parameters.stages)
    if asked & NEEDS_SPECTRUM:
        asked.add("spectrum")
    return [stage for stage in STAGES if stage in asked]
