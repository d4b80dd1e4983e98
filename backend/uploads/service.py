"""Checkpoints and data sets: stored under their sha256, inspected by a worker."""

from __future__ import annotations

import asyncio
import functools
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
from backend.uploads.receiving import Arriving, receive_file
from backend.uploads.refusals import refuse_unreadable
from backend.uploads.repository import UploadRepository
from backend.uploads.transfers.repository import TransferRepository
from minimascope.contract.job_kinds import inspection_of
from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Inspection, Upload, UploadKind
from minimascope.contract.settings import Settings
from minimascope.contract.weights import WeightReport, WeightsRequest

WEIGHTS_SECONDS = 45.0  # somebody looks at the page meanwhile; a worker plans for 8 of its own


class UploadService:
    """One per application."""

    def __init__(self, engine: Engine, store: Store, settings: Settings, jobs: JobService) -> None:
        self.repository = UploadRepository(engine)
        self.transfers = TransferRepository(engine)
        self.store, self.settings, self.jobs = store, settings, jobs
        self.arriving = Arriving()
        self._rate = Rate("too_many_uploads", "uploads came")

    def count(self, who: Principal) -> None:
        """Raises ProblemError `too_many_uploads` (429)."""
        own = who.limits.uploads_per_minute
        limit = self.settings.uploads_per_minute if own is None else own
        self._rate.check(who.id, limit=limit, now=time.monotonic())
        self._rate.count(who.id, now=time.monotonic())

    def quotas(self, who: Principal) -> dict[str, int]:
        """Everybody's bytes and this person's; the server's own token has the whole."""
        whole, own = self.settings.quota_bytes, who.limits.quota_bytes
        if own is None:
            own = self.settings.person_quota_bytes if who.id else whole
        return {"quota": whole, "own_quota": own}

    def room(self, who: Principal) -> int:
        """Bytes that still fit, beside whole files that are on their way in this process."""
        quotas, coming = self.quotas(who), self.arriving
        quotas = {"quota": quotas["quota"] - coming.all(), "own_quota": quotas["own_quota"]}
        quotas["own_quota"] -= coming.of(who.id)
        return self.transfers.room(who.id, **quotas)

    async def store_file(
        self, kind: UploadKind, name: str, request: Request, who: Principal
    ) -> Upload:
        """The stored body, inspected or still waiting for it; raises the inspection's problem."""
        sha256, size = await receive_file(
            self.store,
            request,
            room=lambda: self.room(who),
            owner=who.id,
            arrives=lambda count: self.arriving.add(who.id, count),
            limit=self.settings.max_upload_bytes,
        )
        owner = who.id
        job = await asyncio.to_thread(self.register, kind, name, sha256, size, owner=owner)
        if job:
            await self.jobs.ended(job, seconds=self.settings.inspect_wait_seconds)
        upload = await asyncio.to_thread(self.repository.upload, kind, sha256, owner=owner)
        refuse_unreadable(upload)
        return upload

    def register(self, kind: UploadKind, name: str, sha256: str, size: int, *, owner: str) -> str:
        """Writes the row and has a worker inspect the file; that job's id, "" where it did."""
        now = time.time()
        upload = Upload(
            id=sha256,
            kind=kind,
            name=visible(name) or sha256[:12],
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

    async def labelled(self, dataset: str, label: str, who: Principal) -> Inspection:
        """What a worker finds in a table once it is known which column holds the labels."""
        found = functools.partial(self.repository.upload, owner=who.owner)
        name = (await asyncio.to_thread(found, "dataset", dataset)).name
        document = _document({"dataset": dataset}, {"dataset": name}, {"label": label})
        job = NewJob("labelled", dataset, document, owner=who.id)
        return as_inspection(await self.jobs.answer(job))

    async def weights(self, asked: WeightsRequest, who: Principal) -> WeightReport:
        """What a worker finds in the weights themselves, while the caller waits."""
        files = {"checkpoint": asked.checkpoint}
        if asked.against:
            files["against"] = asked.against
        found = functools.partial(self.repository.upload, owner=who.owner)
        names = dict[str, str]()
        for role, identifier in files.items():
            try:
                names[role] = (await asyncio.to_thread(found, "checkpoint", identifier)).name
            except ProblemError as missing:
                # Not the address is wrong but a value of the body.
                missing.status, missing.advice = 422, "Upload the checkpoint first."
                raise
        document = _document(files, names, names)
        job = NewJob("weights", asked.checkpoint, document, owner=who.id)
        report = WeightReport.model_validate(await self.jobs.answer(job, seconds=WEIGHTS_SECONDS))
        return report.model_copy(
            update={"name": names["checkpoint"], "against": names.get("against")}
        )

    def used(self, identifiers: Sequence[str], who: Principal) -> None:
        """Somebody submits them: their age counts from now."""
        self.repository.uploads_used(identifiers, owner=who.id, now=time.time())


def _document(
    files: dict[str, str], names: dict[str, str], parameters: dict[str, Any]
) -> dict[str, Any]:
    return {"files": files, "names": names, "parameters": parameters}


async def _uploads(request: Request) -> UploadService:
    service: UploadService = request.app.state.uploads
    return service


Uploads = Annotated[UploadService, Depends(_uploads)]
