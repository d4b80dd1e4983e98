"""The line between two minima."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.questions.interpolation import answer
from minimascope.contract.questions.interpolations import InterpolationQuestion
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return answer(job.asked("interpolation", InterpolationQuestion))
