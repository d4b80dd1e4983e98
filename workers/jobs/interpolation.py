"""The line between two minima."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.questions.interpolation_job import run_interpolation
from minimascope.contract.questions.interpolations import InterpolationQuestion
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return run_interpolation(
        job.paths,
        job.files["other"],
        job.parameters,
        job.asks(InterpolationQuestion),
        workdir=job.workdir,
        publisher=job.publisher,
    )
