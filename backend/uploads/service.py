"""Checkpoints and data sets: stored under their sha256, inspected by a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from backend.auth.principal import Principal
from backend.http.rate_limits import Rate
from backend.jobs.job import NewJob, as_inspection
from backend.jobs.service import JobService
from backend.storage.database import Engine
from backend.storage.files import Store
from backend.uploads.receiving import receive_file
from backend.uploads.refusals import refuse_unreadable
from backend.uploads.repository import UploadRepository
from minimascope.contract.job_kinds import inspection_of
from minimascope.contract.schemas import Inspection, Upload, UploadKind
from minimascope.contract.settings import Settings


class UploadService:
    """One per application."""

    def __init__(self, engine: Engine, store: Store, settings: Settings, jobs: JobService) -> None:
        self.repository = UploadRepository(engine)
        self.store, self.settings, self.jobs = store, settings, jobs
        self._rate = Rate(
            settings.uploads_per_minute,
            "too_many_uploads",
            f"More than {settings.uploads_per_minute} uploads came within a minute.",
        )

    def count(self, who: Principal) -> None:
        """Raises ProblemError `too_many_uploads` (429)."""
        self._rate.check(who.id, now=time.monotonic())
        self._rate.count(who.id, now=time.monotonic())

    async def store_file(
        self, kind: UploadKind, name: str, request: Request, *, owner: str
    ) -> Upload:
        """The stored body, inspected or still waiting for it; raises the inspection's problem."""
        reserved = await asyncio.to_thread(self.repository.reserved_bytes)
        room, limit = self.settings.quota_bytes - reserved, self.settings.max_upload_bytes
        sha256, size = await receive_file(self.store, request, room=room, limit=limit)
        job = await asyncio.to_thread(self.register, kind, name, sha256, size, owner=owner)
        if job:
            await self.jobs.ended(job, seconds=self.settings.inspect_wait_seconds)
        upload = await asyncio.to_thread(self.repository.upload, kind, sha256)
        refuse_unreadable(upload)
        return upload

    def register(self, kind: UploadKind, name: str, sha256: str, size: int, *, owner: str) -> str:
        """Writes the row and has a worker inspect the file; that job's id, "" where it did."""
        now = time.time()
        upload = Upload(
            id=sha256,
            kind=kind,
            name=name or sha256[:12],
            size=size,
            created_at=datetime.fromtimestamp(now, UTC),
            inspection=Inspection(state="pending"),
        )
        document = _document({kind: sha256}, {kind: upload.name}, {})
        job = NewJob(inspection_of(kind), sha256, document, owner=owner)
        waits_for = self.repository.add_upload(upload, job, now=now, owner=owner)
        if waits_for == job.id:
            self.jobs.send(job.id, job.queue)
        return waits_for

    async def labelled(self, dataset: str, label: str, *, owner: str) -> Inspection:
        """What a worker finds in a table once it is known which column holds the labels."""
        name = (await asyncio.to_thread(self.repository.upload, "dataset", dataset)).name
        document = _document({"dataset": dataset}, {"dataset": name}, {"label": label})
        job = NewJob("labelled", dataset, document, owner=owner)
        return as_inspection(await self.jobs.answer(job))

    def used(self, identifiers: Sequence[str]) -> None:
        """Somebody submits them: their age counts from now."""
        self.repository.uploads_used(identifiers, now=time.time())


def _document(
    files: dict[str, str], names: dict[str, str], parameters: dict[str, Any]
) -> dict[str, Any]:
    return {"files": files, "names": names, "parameters": parameters}


async def _uploads(request: Request) -> UploadService:
    service: UploadService = request.app.state.uploads
    return service


Uploads = Annotated[UploadService, Depends(_uploads)]
