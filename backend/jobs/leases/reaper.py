"""Sends again what was lost: jobs of dead workers, unsent jobs, lost messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from backend.jobs.leases.clock import WallClock
from backend.jobs.shards import endpoints as shards
from backend.retention import service as retention
from backend.service import Service
from backend.uploads import tus as transfers
from minimascope.contract.queues import QUEUES
from minimascope.service import transport

KEEP_SECONDS = 24 * 3600.0
SWEEP_SECONDS = 600.0
HESITATE_SECONDS = 3600.0
log = logging.getLogger("minimascope.reaper")


def reap(service: Service, clock: WallClock) -> bool:
    """One round; False where the clock was set and the workers have to be heard first."""
    (now, jumped), lease = clock.look(), service.settings.lease_seconds
    renewed = service.repository.renew_leases(now=now, lease=lease, every=jumped)
    if jumped or renewed:
        log.warning("the clock was set: %d leases granted anew", renewed)
        return False
    reaped = service.repository.reap(now=now, lease=lease)
    service.figures.lost(len(reaped.changed))
    for job in reaped.changed:
        service.changes.notify(job)
    shards.forget(service.repository, service.store)
    for job, queue in reaped.send:
        service.send(job, queue)
    for queue in QUEUES:
        overdue = service.repository.overdue(queue, sent_before=now - lease)
        # While messages wait, a busy worker explains the delay; sending more would only pile up.
        if overdue and not transport.waiting(service.celery, queue):
            for job in overdue:
                service.send(job, queue)
    return True


def sweep(service: Service) -> None:
    """What nobody needs any more: expired transfers, old checks, inspections and slices."""
    transfers.expire(service)
    service.store.forget_cached(unused_since=time.time() - KEEP_SECONDS)
    old = time.time() - KEEP_SECONDS
    service.repository.forget(ended_before=old)
    for each in service.repository.forget_questions(ended_before=old):
        service.store.delete_result(each)
    for each in retention.forget(service.repository, service.store, service.settings).analyses:
        service.changes.notify(each)
    service.repository.forget_audit(before=time.time() - 86400.0 * service.settings.audit_days)


async def _rounds(service: Service) -> None:
    lease = service.settings.lease_seconds
    # Workers outlive an API restart: one lease for them to say so.
    grace, swept, clock = time.monotonic() + lease, 0.0, WallClock()
    while True:
        await asyncio.sleep(min(1.0, lease / 4))
        if time.monotonic() < grace:
            continue
        try:
            if not await asyncio.to_thread(reap, service, clock):
                grace = time.monotonic() + lease
                # What is old by a clock that was just set may be old by mistake.
                swept = time.monotonic() + HESITATE_SECONDS
            if time.monotonic() > swept + SWEEP_SECONDS:
                swept = time.monotonic()
                await asyncio.to_thread(sweep, service)
        except Exception:
            log.exception("reaper round failed; the next one tries again")


@contextlib.asynccontextmanager
async def reaping(service: Service) -> AsyncIterator[None]:
    task = asyncio.create_task(_rounds(service))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
