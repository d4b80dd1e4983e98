"""How long analyses are kept: by age, by bytes of results; pinned and shared ones stay.

What is removed leaves an entry in the audit log under the name `retention`. Uploads that no
analysis uses go after the same days.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import APIRouter

from backend.jobs.shards import endpoints as shards
from backend.questions import service as asked
from backend.repositories import Repository
from backend.service import Here
from backend.storage.files import Store
from minimascope.contract.schemas import Analysis, AuditEntry, UploadKind
from minimascope.contract.settings import Settings

router = APIRouter(prefix="/analyses/{identifier}/pin", tags=["analyses"])
DAY = 86400.0


@router.put("")
def pin(identifier: str, service: Here) -> Analysis:
    """Keeps an analysis whatever its age."""
    service.repository.pin(identifier, pinned=True)
    return service.repository.analysis(identifier)


@router.delete("")
def unpin(identifier: str, service: Here) -> Analysis:
    """Its age counts again."""
    service.repository.pin(identifier, pinned=False)
    return service.repository.analysis(identifier)


def forget_results(repository: Repository, store: Store, identifier: str) -> None:
    """Report, arrays, planes and lines of an analysis whose row is gone."""
    shards.forget(repository, store, identifier)
    asked.forget(repository, store, identifier)
    store.delete_result(identifier)


@dataclass
class Sweep:
    """One round: `sizes` are the bytes of results still there, by analysis or plane.

    Where it only `rehearses`, nothing is removed and everything is counted.
    """

    repository: Repository
    store: Store
    rehearses: bool
    sizes: dict[str, int]
    analyses: list[str] = field(default_factory=list)
    uploads: list[tuple[UploadKind, str]] = field(default_factory=list)
    freed: int = 0

    def analysis(self, identifier: str, *, ended_before: float) -> None:
        if identifier in self.analyses:
            return
        if not self.rehearses:
            if not self.repository.dispose_analysis(identifier, ended_before=ended_before):
                return
            forget_results(self.repository, self.store, identifier)
            self._record(f"/api/v1/analyses/{identifier}")
        self.analyses.append(identifier)
        self.freed += self.sizes.pop(identifier, 0)

    def upload(self, kind: UploadKind, identifier: str, *, unused_since: float) -> None:
        if not self.rehearses:
            disposed = self.repository.dispose_upload(kind, identifier, unused_since=unused_since)
            if disposed is None:
                return
            if disposed:
                self.store.delete_blob(identifier)
            self._record(f"/api/v1/{kind}s/{identifier}")
        self.uploads.append((kind, identifier))

    def _record(self, path: str) -> None:
        entry = AuditEntry(
            at=datetime.now(UTC),
            user="retention",
            method="DELETE",
            path=path,
            status=204,
            address="",
            request_id="",
        )
        self.repository.record(entry)


def forget(
    repository: Repository, store: Store, settings: Settings, *, rehearse: bool = False
) -> Sweep:
    """Removes what is older than `keep_days`, then the oldest beyond `keep_bytes` of results.

    `rehearse` only says what would go.
    """
    now, old = time.time(), time.time() - DAY * settings.keep_days
    limited = settings.keep_days > 0 or settings.keep_bytes > 0
    sweep = Sweep(repository, store, rehearse, store.result_bytes() if limited else {})
    if settings.keep_days > 0:
        for each in repository.disposable_analyses(ended_before=old):
            sweep.analysis(each, ended_before=old)
    if settings.keep_bytes > 0:
        total = sum(sweep.sizes.values()) + sweep.freed
        for each in repository.disposable_analyses(ended_before=now):
            if total - sweep.freed <= settings.keep_bytes:
                break
            sweep.analysis(each, ended_before=now)
    if settings.keep_days > 0:
        going = sweep.analyses if rehearse else ()
        for kind, identifier in repository.unused_uploads(unused_since=old, without=going):
            sweep.upload(kind, identifier, unused_since=old)
    return sweep
