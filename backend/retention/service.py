"""How long analyses are kept: by age, by bytes of results; pinned and shared ones stay.

What is removed leaves an entry in the audit log under the name `retention`. Uploads that no
analysis uses go after the same days.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from backend.jobs.removal import forget_results
from backend.jobs.repository import JobRepository
from backend.operations.repository import OperationsRepository
from backend.retention.repository import RetentionRepository
from backend.storage.database import Engine
from backend.storage.files import Store
from minimascope.contract.people import AuditEntry
from minimascope.contract.schemas import UploadKind
from minimascope.contract.settings import Settings

DAY = 86400.0


@dataclass
class Sweep:
    """One round: `sizes` are the bytes of results still there, by analysis or plane.

    Where it only `rehearses`, nothing is removed and everything is counted.
    """

    repository: RetentionRepository
    jobs: JobRepository
    audit: OperationsRepository
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
            forget_results(self.jobs, self.store, identifier)
            self._record(f"/api/v1/analyses/{identifier}")
        self.analyses.append(identifier)
        self.freed += self.sizes.pop(identifier, 0)

    def upload(self, kind: UploadKind, identifier: str, owner: str, *, before: float) -> None:
        if not self.rehearses:
            disposed = self.repository.dispose_upload(kind, identifier, owner, unused_since=before)
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
        self.audit.record(entry)


def forget(engine: Engine, store: Store, settings: Settings, *, rehearse: bool = False) -> Sweep:
    """Removes what is older than `keep_days`, then the oldest beyond `keep_bytes` of results.

    `rehearse` only says what would go.
    """
    now, old = time.time(), time.time() - DAY * settings.keep_days
    limited = settings.keep_days > 0 or settings.keep_bytes > 0
    repository, sizes = RetentionRepository(engine), store.result_bytes() if limited else {}
    jobs, audit = JobRepository(engine), OperationsRepository(engine)
    sweep = Sweep(repository, jobs, audit, store, rehearse, sizes)
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
        for unused in repository.unused_uploads(unused_since=old, without=going):
            sweep.upload(*unused, before=old)
    return sweep
