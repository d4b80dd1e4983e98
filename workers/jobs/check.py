"""Whether the files of an analysis fit together, before it is queued."""

from __future__ import annotations

from typing import Any

from minimascope.analysis.session.guessing import worse_than_guessing
from minimascope.analysis.session.opening import checkpoint_summary, data_summary, open_files
from workers.jobs.job import Job


def run(job: Job) -> dict[str, Any]:
    opened = open_files(job.paths, job.parameters_on_cpu, workdir=job.workdir)
    data = data_summary(opened)
    return {
        "warnings": [*worse_than_guessing(opened.minimum, data.train), *opened.warnings],
        "checkpoint": checkpoint_summary(opened, job.parameters).model_dump(),
        "data": data.model_dump(),
    }
