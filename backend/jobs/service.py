"""Jobs as the other features use them: started, waited for, their results removed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Annotated, Any

from fastapi import Depends, Request

from backend.http.visits import Visits
from backend.jobs.job import JobStatus, NewJob
from backend.jobs.leases.repository import LeaseRepository
from backend.jobs.metrics import JobMetrics
from backend.jobs.notifications import Notifications
from backend.jobs.people.repository import PersonJobRepository
from backend.jobs.repository import JobRepository
from backend.jobs.shards.repository import ShardRepository
from backend.jobs.workers.repository import WorkerRepository
from backend.storage.database import Engine
from backend.storage.files import Store
from minimascope.contract.job_kinds import job_kind
from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES
from minimascope.contract.settings import Settings
from minimascope.service import transport

log = logging.getLogger("minimascope.backend")
# Of one person: questions somebody waits for, and (True) analyses.
MOST_WAITING = {False: 40, True: 2000}
LONGEST_PAUSE = 3.0


class JobService:
    """One per application; delivers over `broker`, wakes whoever waits in this process."""

    def __init__(self, engine: Engine, store: Store, settings: Settings, broker: Any) -> None:
        self.store, self.settings, self.broker = store, settings, broker
        self.repository = JobRepository(engine)
        self.leases = LeaseRepository(engine)
        self.shards = ShardRepository(engine)
        self.workers = WorkerRepository(engine)
        self.people = PersonJobRepository(engine)
        self.notifications = Notifications()
        self.metrics = JobMetrics()
        self.visits = Visits()

    def send(self, job: str, queue: QueueName) -> None:
        """After the row's commit. A broker that is away costs time, not the job: see reaper."""
        try:
            transport.send(self.broker, job, queue)
        except Exception as error:  # kombu wraps only some brokers' errors
            log.warning("job %s not sent yet: %s", job, error)
            return
        self.repository.mark_sent([job], now=time.time())

    def check_waiting(self, job: NewJob) -> None:
        """Raises ProblemError `too_many_waiting` where this person's wait in great number.

        The server's own token may queue any number: it is nobody's neighbour.
        """
        most = MOST_WAITING[job_kind(job.kind).role == "analysis"]
        if job.owner and self.people.waiting(job.owner, job.queue) >= most:
            sentence = f"{most} of your jobs wait for a worker already."
            raise ProblemError("too_many_waiting", sentence)

    def start(self, job: NewJob) -> None:
        self.check_waiting(job)
        self.repository.add_job(job, now=time.time())
        self.send(job.id, job.queue)

    async def ended(self, job: str, *, seconds: float) -> JobStatus:
        """The job's status once it has ended, or as it is when the time is over."""
        deadline, pause = time.monotonic() + seconds, 0.5
        with self.notifications.listening(job) as listener:
            while True:
                status = await asyncio.to_thread(self.repository.job, job)
                left = deadline - time.monotonic()
                if status.state in FINAL_STATES or left <= 0:
                    return status
                # A notice comes at once; only another process' change has to be looked for.
                await listener.wait(seconds=min(left, pause))
                pause = min(1.5 * pause, LONGEST_PAUSE)

    async def tried(self, job: NewJob, *, seconds: float | None = None) -> dict[str, Any] | None:
        """What a worker finds while the caller waits; None where none came to it in time.

        Raises the ProblemError that the worker ended with.
        """
        await asyncio.to_thread(self.start, job)
        wait = self.settings.inspect_wait_seconds if seconds is None else seconds
        status = await self.ended(job.id, seconds=wait)
        if status.problem:
            raise ProblemError.from_dict(status.problem)
        return status.result

    async def answer(self, job: NewJob, *, seconds: float | None = None) -> dict[str, Any]:
        """The same where there is no use in going on without; raises `no_plan_yet` (503)."""
        found = await self.tried(job, seconds=seconds)
        if found is None:
            raise ProblemError("no_plan_yet", "The workers are busy.")
        return found


async def _jobs(request: Request) -> JobService:
    # Not a plain function: those are sent to a thread, which every request would wait for.
    service: JobService = request.app.state.jobs
    return service


Jobs = Annotated[JobService, Depends(_jobs)]
