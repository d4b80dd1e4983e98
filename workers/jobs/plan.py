"""What an analysis would cost here, before it is asked for."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.planning import planned
from minimascope.analysis.session.opening import open_files
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    opened = open_files(job.paths, job.parameters_on_cpu, workdir=job.workdir)
    return planned(opened, job.parameters)
