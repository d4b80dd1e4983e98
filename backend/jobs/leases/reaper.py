"""Sends again what was lost: jobs of dead workers, unsent jobs, lost messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from backend.jobs.leases.clock import WallClock
from backend.jobs.removal import forget_shards
from backend.jobs.service import JobService
from minimascope.contract.queues import QUEUES
from minimascope.service import transport

SWEEP_SECONDS = 600.0
HESITATE_SECONDS = 3600.0
log = logging.getLogger("minimascope.reaper")


def reap(jobs: JobService, clock: WallClock) -> bool:
    """One round; False where the clock was set and the workers have to be heard first."""
    (now, jumped), lease = clock.look(), jobs.settings.lease_seconds
    renewed = jobs.leases.renew_leases(now=now, lease=lease, every=jumped)
    if jumped or renewed:
        log.warning("the clock was set: %d leases granted anew", renewed)
        return False
    reaped = jobs.leases.reap(now=now, lease=lease)
    jobs.metrics.lost(len(reaped.changed))
    for job in reaped.changed:
        jobs.notifications.notify(job)
    forget_shards(jobs.repository, jobs.store)
    for job, queue in reaped.send:
        jobs.send(job, queue)
    for queue in QUEUES:
        overdue = jobs.leases.overdue(queue, sent_before=now - lease)
        # While messages wait, a busy worker explains the delay; sending more would only pile up.
        if overdue and not transport.waiting(jobs.broker, queue):
            for job in overdue:
                jobs.send(job, queue)
    return True


async def _rounds(jobs: JobService, sweep: Callable[[], None]) -> None:
    lease = jobs.settings.lease_seconds
    # Workers outlive an API restart: one lease for them to say so.
    grace, swept, clock, said = time.monotonic() + lease, 0.0, WallClock(), ""
    while True:
        await asyncio.sleep(min(1.0, lease / 4))
        if time.monotonic() < grace:
            continue
        try:
            if not await asyncio.to_thread(reap, jobs, clock):
                grace = time.monotonic() + lease
                # What is old by a clock that was just set may be old by mistake.
                swept = time.monotonic() + HESITATE_SECONDS
            if time.monotonic() > swept + SWEEP_SECONDS:
                swept = time.monotonic()
                await asyncio.to_thread(sweep)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"[:300]
            if words != said:  # once: the next round is a second away
                log.exception("reaper round failed; the next ones try again")
            said = words
        else:
            if said:
                log.warning("reaper rounds succeed again")
            said = ""


@contextlib.asynccontextmanager
async def reaping(jobs: JobService, sweep: Callable[[], None]) -> AsyncIterator[None]:
    """Rounds until the block ends; `sweep` removes what nobody needs any more, now and then."""
    task = asyncio.create_task(_rounds(jobs, sweep))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
