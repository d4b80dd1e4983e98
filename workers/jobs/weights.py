"""What an uploaded checkpoint's weights say without data."""

from __future__ import annotations

from typing import Any

from minimascope.intake.weighing import weigh
from workers.jobs.job import Job

BUDGET_SECONDS = 8.0  # somebody waits: larger matrices have their largest singular values only


def run(job: Job) -> dict[str, Any]:
    report = weigh(
        job.files["checkpoint"],
        against=job.files.get("against"),
        all_up_to=None,
        budget=BUDGET_SECONDS,
        name=str(job.given.get("name", "")),
    )
    return report.model_dump(mode="json")
