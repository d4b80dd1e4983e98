"""The child process that does the work.

Imports everything before there is a job, touches no device, then reads job documents as lines of
stdin and speaks JSON lines on stdout (supervisor.py holds the protocol). After `end` it may get
another job or be ended. When stdin closes the supervisor is gone, and so is this process: work
that nobody owns must not go on.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from minimascope.contract.problems import ProblemError
from workers.publishing import SupervisorPublisher


def main() -> int:
    """Runs the jobs on stdin; refusals are events, only a fault of ours is a non-zero exit."""
    out = take_stdout()
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=read_jobs, args=(jobs,), daemon=True).start()
    prepare()
    while True:
        job = json.loads(jobs.get())
        status = run(job, SupervisorPublisher(out, Path(job["workdir"])), jobs)
        if status is not None:
            return status


def prepare() -> None:
    """Everything slow that does not depend on the job. No device is touched."""
    from minimascope.intake.sandbox import parser_process

    parser_process.warm()  # it imports beside us
    import torch

    from workers.jobs import lookup

    lookup.import_all()
    # torch imports sympy at the first gradient of a vector, half a second later than needed.
    one = torch.ones(1, requires_grad=True)
    torch.autograd.grad(one.square(), one, torch.ones(1))


def run(
    job: dict[str, Any], publisher: SupervisorPublisher, replies: queue.SimpleQueue[bytes]
) -> int | None:
    """One job and its outcome; the exit status where this process should take no other.

    While it works, lines of stdin are `replies` to what it asked.
    """
    from minimascope.curvature.running.memory import out_of_memory
    from minimascope.curvature.running.ranks import RankLostError
    from minimascope.machine.heap import pages_kept
    from workers.jobs.job import Job
    from workers.jobs.lookup import perform

    tempfile.tempdir = job["workdir"]
    try:
        with pages_kept():
            value = perform(Job.of(job, publisher, replies))
    except ProblemError as problem:
        publisher.send("problem", problem=problem.as_dict())
    except RankLostError as lost:
        publisher.send("rank_lost", sentence=str(lost))
        return 1
    except Exception as error:
        traceback.print_exc()
        if not out_of_memory(error):
            return 1
        problem = ProblemError(
            "out_of_memory",
            "The analysis needs more memory than this worker has, with a quarter of the batch too.",
            "Use fewer examples or fewer eigenvectors, or start a larger worker.",
        )
        publisher.send("problem", problem=problem.as_dict())
        return 0
    else:
        if value is not None:
            publisher.send("result", value=value)
    publisher.send("end")
    return None


def take_stdout() -> TextIO:
    """Keeps the event stream for us: whatever else prints goes to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def read_jobs(jobs: queue.SimpleQueue[bytes]) -> None:
    """Lines of stdin, until the supervisor is gone."""
    with open(0, "rb", buffering=0) as lines:  # sys.stdin would be locked when Python ends
        while line := lines.readline():
            jobs.put(line)
    os._exit(9)


if __name__ == "__main__":
    sys.exit(main())
