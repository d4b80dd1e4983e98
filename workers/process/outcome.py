"""How a job ended, from what its child said and how it went."""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass
from typing import Any, Literal

from minimascope.contract.job_kinds import job_kind
from minimascope.contract.problems import ProblemError
from workers.delivery import ClaimedJob, FullError

Stop = Literal["cancelled", "lost", "too_long", "shutdown", "frozen", "rank_lost", "broken"]

FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Work:
    """What the child has said so far."""

    problem: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    reported: bool = False
    ended: bool = False


def out_of_memory(work: Work, exit_status: int) -> bool:
    """The child said so, or the operating system ended it."""
    said = bool(work.problem) and work.problem.get("code") == "out_of_memory"
    return said or exit_status == -signal.SIGKILL


def worker_failed(error: Exception) -> dict[str, Any]:
    """The problem of a job that the supervisor itself could not go on with."""
    if isinstance(error, FullError):
        return ProblemError(
            "storage_full",
            "The disk of the server has no room for the results.",
            "Delete uploads or analyses that are no longer needed, then try again.",
        ).as_dict()
    if isinstance(error, OSError) and error.errno in FULL:
        return ProblemError(
            "sandbox_disk",
            "The worker's disk has no room for the files of this job.",
            "Free space in the worker's temporary directory, then try again.",
            status=507,
        ).as_dict()
    return ProblemError(
        "crashed",
        f"The worker could not go on with this job ({type(error).__name__}).",
        "The worker's log has more.",
        status=500,
    ).as_dict()


def problem_of(
    job: ClaimedJob, stop: Stop | None, work: Work, exit_status: int
) -> dict[str, Any] | None:
    """Why the job failed, or None where it did not."""
    if stop == "too_long":
        return ProblemError(
            "time_limit",
            f"The job took longer than the limit of {job.job_seconds:g} seconds.",
            "Ask for fewer eigenvectors or stages, or raise MINIMASCOPE_JOB_SECONDS.",
            status=500,
        ).as_dict()
    if work.problem:
        return work.problem
    reports = job_kind(job.kind).answer == "report"
    finished = work.reported if reports else work.result is not None
    if exit_status == 0 and finished:
        return None
    if exit_status == -signal.SIGKILL:
        return ProblemError(
            "out_of_memory",
            "The operating system ended the worker's process, most likely for want of memory, "
            "with a quarter of the batch too.",
            "Use a machine with more memory, float32, or fewer eigenvectors.",
            status=500,
        ).as_dict()
    return ProblemError(
        "crashed",
        f"The worker's process stopped unexpectedly (exit status {exit_status}).",
        "The worker's log has its last words.",
        status=500,
    ).as_dict()
