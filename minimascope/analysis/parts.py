"""Which parts of an analysis others may compute, and how each is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.sharing.shards import Answer, Part
from minimascope.analysis.stages import gap as gap_stage
from minimascope.analysis.stages import margin_search
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.minimum import Minimum


def parts_of(
    minimum: Minimum,
    stages: Sequence[Stage],
    *,
    margins: float = math.inf,
    gap: float = math.inf,
) -> dict[str, list[Part]]:
    """The parts of each stage that has any, the longest first. None depends on the machine.

    margins: CPU seconds that these may take; gap: wall seconds of a sampled sweep.
    """
    asked: dict[str, list[Part]] = {}
    if "gap" in stages:
        asked[gap_stage.STAGE] = gap_stage.parts(minimum, seconds=gap)
    if "margins" in stages:
        asked[margin_search.STAGE] = margin_search.parts(minimum, seconds=margins)
    return {stage: each for stage, each in asked.items() if each}


def answer(
    opened: Opened,
    parameters: Parameters,
    part: Part,
    progress: Callable[[float], None],
    *,
    unfinished: Path | None = None,
) -> Answer:
    """The answer of one part; ValueError or ProblemError where it cannot be had."""
    if part.stage == gap_stage.STAGE:
        work = gap_stage.worker(opened, parameters, unfinished=unfinished)
    else:
        work = margin_search.worker(opened, parameters, unfinished=unfinished)
    return work(part, progress)
