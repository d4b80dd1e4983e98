"""The whole analysis: stage by stage, its parts shared with workers that have nothing to do."""

from __future__ import annotations

from minimascope.analysis.run import run_analysis
from minimascope.curvature.products import graphs
from workers.jobs.job import Job
from workers.sharing.exchange import Exchange


def run(job: Job) -> None:
    graphs.plan_with(job.memory_share)
    parameters = job.parameters
    shared = parameters.device == "cpu"
    run_analysis(
        job.paths,
        parameters,
        workdir=job.workdir,
        publisher=job.publisher,
        unfinished=job.unfinished,
        shards=Exchange(job.publisher, job.replies, job.workdir) if shared else None,
        foresee=True,
    )
