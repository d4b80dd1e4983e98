"""Weights moved to the minimum that their training meant."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.questions.descent import answer
from minimascope.contract.questions.descents import DescentRequest
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return answer(job.asked("descent", DescentRequest))
