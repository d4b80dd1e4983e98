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

import numpy as np

from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import SliceRequest
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState


class SupervisorPublisher:
    """Small values go to the supervisor as JSON lines, documents as files in the workdir."""

    def __init__(self, out: TextIO, workdir: Path) -> None:
        self.out, self.workdir = out, workdir

    def send(self, event: str, **values: Any) -> None:
        self.out.write(json.dumps({"event": event, **values}) + "\n")
        self.out.flush()

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.send("progress", stage=stage, fraction=fraction, message=message)

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        self.send("stage", stage=stage, state=state, seconds=seconds)

    def report(self, report: Report) -> None:
        path = self.workdir / "report.json"
        temporary = path.with_suffix(".writing")
        temporary.write_text(report.model_dump_json(by_alias=True))
        os.replace(temporary, path)
        self.send("report", path=str(path))

    def array(self, name: str, value: np.ndarray) -> None:
        path = self.workdir / f"{name}.npy"
        temporary = self.workdir / f"{name}.writing.npy"
        np.save(temporary, value, allow_pickle=False)
        os.replace(temporary, path)  # an earlier one of this name may be on its way
        self.send("array", name=name, path=str(path))


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
    import torch

    import minimascope.analysis.run
    import minimascope.curvature.spectrum.plan
    import minimascope.intake.inspection  # noqa: F401 - imported for later
    from minimascope.intake.sandbox import parser_process

    # torch imports sympy at the first gradient of a vector, half a second later than needed.
    one = torch.ones(1, requires_grad=True)
    torch.autograd.grad(one.square(), one, torch.ones(1))
    parser_process.warm()


def run(
    job: dict[str, Any], publisher: SupervisorPublisher, replies: queue.SimpleQueue[bytes]
) -> int | None:
    """One job and its outcome; the exit status where this process should take no other.

    While it works, lines of stdin are `replies` to what it asked.
    """
    from minimascope.analysis.faults import out_of_memory

    tempfile.tempdir = job["workdir"]
    try:
        value = perform(job, publisher, replies)
    except ProblemError as problem:
        publisher.send("problem", problem=problem.as_dict())
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


def inspection(found: dict[str, Any]) -> dict[str, Any]:
    """What an upload's `inspection` keeps: format and warnings, the rest as its summary."""
    apart = {name: found[name] for name in ("format", "warnings") if name in found}
    return {**apart, "summary": {k: v for k, v in found.items() if k not in apart}}


def perform(
    job: dict[str, Any], publisher: SupervisorPublisher, replies: queue.SimpleQueue[bytes]
) -> dict[str, Any] | None:
    """Dispatches on the job's kind; inspections and checks return a value."""
    from minimascope.analysis.sharing import shard_job

    if job["kind"] != "shard":
        shard_job.LAST.forget()
    files, workdir = job["files"], Path(job["workdir"])
    if job["kind"] == "inspect_checkpoint":
        from minimascope.intake.inspection import inspect_checkpoint

        return inspection(inspect_checkpoint(Path(files["checkpoint"]), workdir=workdir))
    if job["kind"] in ("inspect_dataset", "labelled"):
        from minimascope.intake.inspection import inspect_dataset

        label = (job.get("parameters") or {}).get("label")
        return inspection(inspect_dataset(Path(files["dataset"]), workdir=workdir, label=label))

    from minimascope.analysis.guessing import worse_than_guessing
    from minimascope.analysis.opening import Files, checkpoint_summary, data_summary, open_files

    parameters = Parameters.model_validate(job["parameters"])
    test = files.get("test")
    paths = Files(Path(files["checkpoint"]), Path(files["train"]), Path(test) if test else None)
    if job["kind"] == "architectures":
        from minimascope.intake.networks.candidates import candidate_table

        return candidate_table(
            paths.checkpoint,
            paths.train,
            loss=parameters.loss,
            label=parameters.label,
            workdir=workdir,
        )
    if job["kind"] == "slice":
        from minimascope.analysis.questions.slice_job import run_slice

        return run_slice(
            paths,
            parameters,
            SliceRequest.model_validate(job["question"]),
            {name: Path(path) for name, path in job["arrays"].items()},
            workdir=workdir,
            publisher=publisher,
        )
    if job["kind"] == "interpolation":
        from minimascope.analysis.questions.interpolation_job import run_interpolation

        return run_interpolation(
            paths,
            Path(files["other"]),
            parameters,
            job["question"],
            workdir=workdir,
            publisher=publisher,
        )
    if job["kind"] in ("check", "plan"):
        # On the CPU, so that any worker can say whether files fit.
        here = parameters.model_copy(update={"device": "cpu"})
        opened = open_files(paths, here, workdir=workdir)
        if job["kind"] == "plan":
            from minimascope.analysis.costs.plan import planned

            return planned(opened, parameters)
        data = data_summary(opened)
        return {
            "warnings": [*worse_than_guessing(opened.minimum, data.train), *opened.warnings],
            "checkpoint": checkpoint_summary(opened, parameters).model_dump(),
            "data": data.model_dump(),
        }
    from minimascope.curvature.products import graphs

    graphs.plan_with(job.get("memory_share", 1.0))
    state = Path(job["state"]) if job.get("state") else None
    if job["kind"] == "shard":
        question = job["question"]
        return shard_job.run_shard(
            paths, parameters, question, workdir=workdir, publisher=publisher, state_path=state
        )
    from minimascope.analysis.run import run_analysis
    from workers.sharing.exchange import Exchange

    shards = Exchange(publisher, replies, workdir) if parameters.device == "cpu" else None
    run_analysis(
        paths,
        parameters,
        workdir=workdir,
        publisher=publisher,
        state_path=state,
        shards=shards,
    )
    return None


if __name__ == "__main__":
    sys.exit(main())
