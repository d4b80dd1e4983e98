"""One plane through input space."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.questions.slice_job import run_slice
from minimascope.contract.questions.slices import SliceRequest
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return run_slice(
        job.paths,
        job.parameters,
        job.asks(SliceRequest),
        job.arrays,
        workdir=job.workdir,
        publisher=job.publisher,
    )
