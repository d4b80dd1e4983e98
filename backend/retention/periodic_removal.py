"""What nobody needs any more, removed now and then: see `backend.jobs.leases.reaper`."""

from __future__ import annotations

import time

from backend.jobs.removal import forget_answers
from backend.jobs.service import JobService
from backend.operations.repository import OperationsRepository
from backend.retention.service import DAY, forget
from backend.storage.database import Engine
from backend.uploads.service import UploadService
from backend.uploads.tus_endpoints import expire

KEEP_SECONDS = DAY


def sweep(engine: Engine, uploads: UploadService, jobs: JobService) -> None:
    """Expired transfers, old checks, inspections and answers, audit entries, what is too old."""
    jobs.store.reserve.give_up()
    expire(uploads)
    old = time.time() - KEEP_SECONDS
    jobs.store.forget_cached(unused_since=old)
    jobs.leases.forget(ended_before=old)
    forget_answers(jobs.repository, jobs.store, ended_before=old)
    for each in forget(engine, jobs.store, jobs.settings).analyses:
        jobs.notifications.notify(each)
    before = time.time() - DAY * jobs.settings.audit_days
    OperationsRepository(engine).forget_audit(before=before)
    jobs.store.reserve.take()
