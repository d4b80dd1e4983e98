"""The architectures that bare weights allow, each with its loss."""

from __future__ import annotations

from typing import Any

from minimascope.intake.networks.candidates import candidate_table
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return candidate_table(
        job.paths.checkpoint,
        job.paths.train,
        asked=job.parameters,
        workdir=job.workdir,
    )
