"""What every endpoint shares: settings, repository, store, job delivery, change notices."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from backend.auth.principal import Principal
from backend.http.rate_limits import Rate
from backend.jobs.job import JobStatus, NewJob
from backend.jobs.metrics import Figures
from backend.jobs.notifications import Changes
from backend.repositories import Repository
from backend.storage.files import Store
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import FINAL_STATES
from minimascope.contract.settings import Settings
from minimascope.service import transport

log = logging.getLogger("minimascope.backend")


@dataclass
class Service:
    """One per application; endpoints get it through `Here`."""

    settings: Settings
    repository: Repository
    store: Store
    celery: Any
    changes: Changes = field(default_factory=Changes)
    figures: Figures = field(default_factory=Figures)
    # Opens the API to the dashboard inside this process, which then acts for whoever asked it.
    inner_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def __post_init__(self) -> None:
        self._uploads = Rate(
            self.settings.uploads_per_minute,
            "too_many_uploads",
            f"More than {self.settings.uploads_per_minute} uploads came within a minute.",
        )

    def count_upload(self, who: Principal) -> None:
        """Raises ProblemError `too_many_uploads` (429)."""
        self._uploads.check(who.id, now=time.monotonic())
        self._uploads.count(who.id, now=time.monotonic())

    def send(self, job: str, queue: QueueName) -> None:
        """After the row's commit. A broker that is away costs time, not the job: see reaper."""
        try:
            transport.send(self.celery, job, queue)
        except Exception as error:  # kombu wraps only some brokers' errors
            log.warning("job %s not sent yet: %s", job, error)
            return
        self.repository.mark_sent([job], now=time.time())

    async def ended(self, job: str, *, seconds: float) -> JobStatus:
        """The job's status once it has ended, or as it is when the time is over."""
        deadline = time.monotonic() + seconds
        with self.changes.listening(job) as listener:
            while True:
                status = await asyncio.to_thread(self.repository.job, job)
                left = deadline - time.monotonic()
                if status.state in FINAL_STATES or left <= 0:
                    return status
                await listener.wait(seconds=min(left, 0.5))

    def start(self, job: NewJob) -> None:
        self.repository.add_job(job, now=time.time())
        self.send(job.id, job.queue)


async def _service(request: Request) -> Service:
    # Not a plain function: those are sent to a thread, which every request would wait for.
    service: Service = request.app.state.service
    return service


Here = Annotated[Service, Depends(_service)]
