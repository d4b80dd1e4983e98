"""One job from claim to end: a child works, the supervisor watches.

Cancellation, time limits, lost leases and crashes are the supervisor's; the mathematics and every
parse of a user's file are the child's. No torch here.
"""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minimascope.contract.code import this_code
from minimascope.contract.job_kinds import job_kind
from minimascope.machine import unfinished
from minimascope.service.tracing import JobTrace
from workers import protocol
from workers.delivery import (
    ClaimedJob,
    Delivery,
    FullError,
    LostJobError,
    RefusedError,
    StoppedError,
    UnavailableError,
)
from workers.process.attempt import Attempt
from workers.process.child_process import LINGER_SECONDS, ChildProcess
from workers.process.heartbeat import Heartbeat
from workers.process.outcome import Stop, Work, out_of_memory, problem_of, worker_failed
from workers.process.pulse import Pulse
from workers.process.spare import Spare

log = logging.getLogger("minimascope.worker")
# -P: a folder of this name where the worker was started is not ours.
COMMAND = (sys.executable, "-P", "-m", "workers.process.child")
TOLD_SECONDS = 2.0
REMOVAL_SECONDS = 60.0  # of a job's files, which may be many GB
# Of the memory a child would plan with, after two retries.
SMALLEST_SHARE = 0.25
# Of a child that has worked off a small analysis, 390 MiB; a new one is 320 MiB.
KEPT_BYTES = 512 << 20


def _leaves_clean(job: ClaimedJob, child: ChildProcess, memory_share: float) -> bool:
    """Whether the child may take another job: it holds no device, plans with all of the memory and
    is hardly larger than a new one."""
    if job_kind(job.kind).leaves_child_clean:
        return True
    on_cpu = job.parameters.get("device", "cpu") == "cpu"
    return on_cpu and memory_share == 1.0 and child.resident_bytes() <= KEPT_BYTES


@dataclass
class Supervisor:
    """Runs jobs one after another; set `stopping` to give the current one back.

    `kept` is the folder of what interrupted jobs go on from: see `minimascope.machine.unfinished`.
    `devices`: where there are several, of the processes that share an analysis.
    """

    delivery: Delivery
    command: Sequence[str] = COMMAND
    stopping: threading.Event = field(default_factory=threading.Event)
    kept: Path | None = None
    devices: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.spare = Spare(self.command)
        unfinished.forget_old(self.kept)
        self.out_of_memory = 0
        self.pulse = Pulse()
        self.delivery.on_wait, self.delivery.on_part = self.pulse.mark, self._part
        self.idle = threading.Event()  # no job is held
        self.idle.set()
        self._quiet_since = time.monotonic()

    def idle_seconds(self, now: float) -> float:
        """Since the last message, or 0 while one is worked off."""
        return now - self._quiet_since if self.idle.is_set() else 0.0

    def ready(self, awake: bool) -> None:
        """Between jobs: a child waits for the next one while somebody is there."""
        if not awake and self.idle.is_set():
            self.spare.rest()
        elif awake and self.idle.is_set() and not self.stopping.is_set():
            self.spare.prepare()

    def _part(self) -> None:
        """Of a file on its way: a long transfer ends where this worker has to."""
        if self.stopping.is_set() and self.pulse.ours():
            raise StoppedError

    def run(self, job_id: str) -> None:
        """Claims and works off one job; returns at once where there is nothing to claim."""
        if self.stopping.is_set():
            return
        self.idle.clear()
        try:
            self._claim_and_run(job_id)
        finally:
            self.pulse.end()
            self._quiet_since = time.monotonic()
            self.idle.set()

    def _claim_and_run(self, job_id: str) -> None:
        job = self.delivery.claim(job_id)
        if job is None:
            return
        log.info("job %s (%s) attempt %d", job.id, job.kind, job.attempt)
        self.pulse.begin(job.lease_seconds)
        try:
            self._run(job)
        except LostJobError:
            log.warning("job %s was lost to another worker", job.id)
        except UnavailableError as error:
            # The lease runs out and the reaper hands the job on.
            log.error("job %s: the API is away: %s", job.id, error)
        except Exception as error:  # a lease that runs out would blame the machine, three times
            log.exception("job %s: the worker could not go on", job.id)
            self._fail(job, error)
        finally:
            if not self.stopping.is_set():
                self.spare.prepare()

    def _fail(self, job: ClaimedJob, error: Exception) -> None:
        try:
            self.delivery.finish(job, "failed", problem=worker_failed(error))
        except (LostJobError, UnavailableError, RefusedError, FullError) as refused:
            log.error("job %s: its failure was not taken: %s", job.id, refused)

    def close(self) -> None:
        """Ends the waiting child."""
        self.spare.close()

    def _run(self, job: ClaimedJob) -> None:
        traced = JobTrace(kind=job.kind, job=job.id, attempt=job.attempt, parent=job.trace)
        with traced as self._trace:
            heartbeat = Heartbeat(self.delivery, job)
            try:
                with tempfile.TemporaryDirectory(prefix="minimascope-") as folder:
                    stop, work, exit_status = self._attempts(job, heartbeat, Path(folder))
                    self.pulse.mark(REMOVAL_SECONDS)
            finally:
                heartbeat.close()
            self._end(job, stop or heartbeat.stop, work, exit_status)

    def _attempts(
        self, job: ClaimedJob, heartbeat: Heartbeat, folder: Path
    ) -> tuple[Stop | None, Work, int]:
        """A child that runs out of memory is followed by one with half of it to plan with."""
        try:
            document = self._document(job, folder)
        except StoppedError:
            return "shutdown", Work(), 0
        except (RefusedError, OSError) as error:
            log.error("job %s: files not fetched: %s", job.id, error)
            return "broken", Work(problem=protocol.not_fetched()), 0
        share = 1.0
        while True:
            stop, work, exit_status = self._work(
                job, heartbeat, {**document, "memory_share": share}
            )
            if stop or share <= SMALLEST_SHARE or not out_of_memory(work, exit_status):
                return stop, work, exit_status
            share /= 2
            self.out_of_memory += 1
            log.warning("job %s ran out of memory: again with %g of it", job.id, share)
            heartbeat.progress(0.0, "Out of memory: trying again with half the batch")

    def _work(
        self, job: ClaimedJob, heartbeat: Heartbeat, document: dict[str, Any]
    ) -> tuple[Stop | None, Work, int]:
        work = Work()
        child = self.spare.take()
        child.tell(document)
        try:
            attempt = Attempt(
                self.delivery, job, child, heartbeat, work, self._trace, self.pulse, self.stopping
            )
            stop = attempt.listen(Path(document["workdir"]))
            self.pulse.mark(LINGER_SECONDS)
            exit_status = child.wait() if stop is None and not work.ended else 0
            if exit_status == -signal.SIGTERM and self.stopping.wait(TOLD_SECONDS):
                stop = "shutdown"  # whoever stops a machine may tell all of its processes at once
        finally:
            # What was interrupted or broken takes no other job.
            if work.ended and _leaves_clean(job, child, document["memory_share"]):
                self.spare.give_back(child)
            else:
                self.spare.end(child)
        if stop is None and exit_status:
            log.error("job %s: child exit %d: %s", job.id, exit_status, child.stderr_tail())
        return stop, work, exit_status

    def _document(self, job: ClaimedJob, folder: Path) -> dict[str, Any]:
        paths = {role: folder / role for role in job.files}
        for role, identifier in job.files.items():
            self.delivery.fetch(identifier, paths[role])
        release = this_code().release
        arrays = {name: folder / f"given-{name}.npy" for name in job.arrays}
        for name, analysis in job.arrays.items():
            self.delivery.fetch_array(analysis, name, arrays[name])
        return {
            "kind": job.kind,
            "job": job.id,
            "files": {role: str(path) for role, path in paths.items()},
            "names": job.names,
            "parameters": job.parameters,
            "arrays": {name: str(path) for name, path in arrays.items()},
            "question": job.question,
            "devices": list(self.devices),
            "workdir": str(folder),
            "unfinished": str(unfinished.begun(self.kept, job.id, maker=release) or ""),
        }

    def _end(self, job: ClaimedJob, stop: Stop | None, work: Work, exit_status: int) -> None:
        if stop == "lost":
            self._trace.ended("lost")
            raise LostJobError(job.id)
        if stop in ("shutdown", "frozen", "rank_lost"):
            self._trace.ended("given_back")
            self.delivery.release(job, frozen=stop != "shutdown")
            return
        unfinished.forget(self.kept, job.id)
        if stop == "cancelled":
            self._trace.ended("cancelled")
            self.delivery.finish(job, "cancelled")
        elif problem := problem_of(job, stop, work, exit_status):
            self._trace.ended("failed", str(problem.get("code", "")))
            self.delivery.finish(job, "failed", problem=problem)
        else:
            self._trace.ended("done")
            self.delivery.finish(job, "done", result=work.result)
