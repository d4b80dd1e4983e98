"""One plane through input space."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.questions.slice import answer
from minimascope.contract.questions.slices import SliceRequest
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return answer(job.asked("slice", SliceRequest))
