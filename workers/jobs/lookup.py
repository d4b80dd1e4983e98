"""The handler of each kind of job, imported when it is first needed: most import torch."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, cast

from minimascope.contract.job_kinds import JOB_KINDS, KindName
from workers.jobs.job import Job


class Handler(Protocol):
    """A module of this package."""

    def run(self, job: Job) -> dict[str, Any] | None:
        """The value to answer with; None where the job's answer is its report."""


def handler(kind: KindName) -> Handler:
    """The module named like the kind."""
    return cast(Handler, importlib.import_module(f"workers.jobs.{kind}"))


def import_all() -> None:
    """Before there is a job: this takes seconds, and a small job a tenth of one."""
    for kind in JOB_KINDS:
        handler(kind)


def perform(job: Job) -> dict[str, Any] | None:
    """One job, by its handler. Raises ProblemError where it refuses."""
    if job.kind.role != "part":
        from workers.jobs import shard

        shard.LAST.forget()
    return handler(job.kind.name).run(job)
