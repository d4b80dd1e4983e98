"""What is in an uploaded data set."""

from __future__ import annotations

from typing import Any

from minimascope.intake.inspection import inspect_dataset
from workers.jobs.inspections import inspection
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    found = inspect_dataset(job.files["dataset"], workdir=job.workdir, label=job.given.get("label"))
    return inspection(found)
