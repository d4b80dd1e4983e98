"""Which parts of an analysis others may compute, and how each is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from minimascope.analysis.session.opening import Opened
from minimascope.analysis.sharing.shards import Answer, Question
from minimascope.analysis.stages import gap as gap_stage
from minimascope.analysis.stages import margins as margins_stage
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Stage


def questions(
    opened: Opened, parameters: Parameters, stages: Sequence[Stage]
) -> dict[str, list[Question]]:
    """The parts of each stage that has any, the longest first. None depends on the machine."""
    minimum = opened.minimum
    asked: dict[str, list[Question]] = {}
    if "gap" in stages:
        asked[gap_stage.STAGE] = gap_stage.questions(minimum)
    if "margins" in stages:
        asked[margins_stage.STAGE] = margins_stage.questions(minimum)
    return {stage: each for stage, each in asked.items() if each}


def answer(
    opened: Opened,
    parameters: Parameters,
    question: Question,
    progress: Callable[[float], None],
    *,
    unfinished: Path | None = None,
) -> Answer:
    """What one question asks for; ValueError or ProblemError where it cannot be had."""
    if question.stage == gap_stage.STAGE:
        work = gap_stage.worker(opened, parameters, unfinished=unfinished)
    else:
        work = margins_stage.worker(opened, parameters)
    return work(question, progress)
