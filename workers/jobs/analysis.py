"""The whole analysis: stage by stage, its parts shared with workers that have nothing to do.

Where this worker has several devices, a process for each shares its products.
"""

from __future__ import annotations

from minimascope.analysis import together
from minimascope.analysis.run import run_opened
from minimascope.analysis.session.opening import open_files
from minimascope.contract.report import Report
from minimascope.curvature.products import graphs
from workers.jobs.job import Job
from workers.sharing import ranks
from workers.sharing.exchange import Exchange


def run(job: Job) -> None:
    others = ranks.others_for(job.devices, job.parameters.device)
    graphs.plan_with(job.memory_share / (1 + len(others)))
    if not others:
        analyse(job, lambda: open_files(job.paths, job.parameters, workdir=job.workdir))
        return
    given = ranks.Given(job.paths, job.parameters, job.workdir, job.memory_share)
    with ranks.started(given, others) as led:
        together.lead(led, lambda: given.opened(led.count), lambda open_it: analyse(job, open_it))


def analyse(job: Job, open_it: together.Open) -> Report:
    shared = job.parameters.device == "cpu"
    return run_opened(
        open_it,
        job.parameters,
        publisher=job.publisher,
        unfinished=job.unfinished,
        shards=Exchange(job.publisher, job.replies, job.workdir) if shared else None,
        foresee=True,
    )
