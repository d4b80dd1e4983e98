"""What is in an uploaded checkpoint."""

from __future__ import annotations

from typing import Any

from minimascope.intake.inspection import inspect_checkpoint
from workers.jobs.inspections import inspection
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    return inspection(inspect_checkpoint(job.files["checkpoint"], workdir=job.workdir))
