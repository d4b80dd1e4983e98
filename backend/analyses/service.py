"""Analyses: submitted once for one key, answered from an earlier one's results, checked, queued."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import Depends, Request

from backend.analyses.repository import AnalysisRepository
from backend.analyses.runs.repository import RunRepository
from backend.analyses.submission import KEY_TAKEN, Submission, submission
from backend.auth.principal import Principal
from backend.auth.repository import AuthRepository
from backend.jobs.job import NewJob
from backend.jobs.removal import forget_answers, forget_results, forget_shards
from backend.jobs.service import JobService
from backend.storage.database import Engine
from backend.storage.files import Store
from backend.uploads.refusals import refuse_unreadable
from backend.uploads.service import UploadService
from minimascope.contract.code import this_code
from minimascope.contract.job_kinds import KindName
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import Analysis, AnalysisRequest, Upload, UploadKind

SEEN_SECONDS = 60.0
KINDS: dict[str, UploadKind] = {"checkpoint": "checkpoint", "optimizer_state": "checkpoint"}
PRIORITIES = {"low": -1, "normal": 0, "high": 1}


class AnalysisService:
    """One per application."""

    def __init__(
        self, engine: Engine, store: Store, *, uploads: UploadService, jobs: JobService
    ) -> None:
        self.repository = AnalysisRepository(engine)
        self.runs = RunRepository(engine)
        self.access = AuthRepository(engine)
        self.store, self.uploads, self.jobs = store, uploads, jobs

    async def submit(
        self, request: AnalysisRequest, who: Principal, key: str | None, *, fresh: bool
    ) -> Analysis:
        """The analysis of this key, an earlier one's results, or a new one after its check.

        Two at once with one key make one analysis, which both are answered.
        """
        if request.priority == "high" and not who.may_go_first:
            raise ProblemError("priority_refused", f"{who.name} may not ask for priority high.")
        sent = submission(request, key, owner=who.id)
        known = await asyncio.to_thread(self.known, sent)
        if known:
            return known
        try:
            return await self._submitted(request, sent, who, fresh=fresh)
        except ProblemError as problem:
            if problem.code != KEY_TAKEN:
                raise
            found = await asyncio.to_thread(self.known, sent)
            if found is None:
                raise
            return found

    async def answer(
        self, kind: KindName, request: AnalysisRequest, who: Principal
    ) -> dict[str, Any]:
        """What a worker finds about the files while the caller waits."""
        document = await asyncio.to_thread(self._document, request, who)
        job = NewJob(kind, request.checkpoint, document, owner=who.id)
        return await self.jobs.answer(job)

    def cancel(self, identifier: str) -> Analysis:
        self.repository.cancel(identifier, now=time.time())
        forget_shards(self.jobs.repository, self.store, identifier)
        self.jobs.notifications.notify(identifier)
        return self.repository.analysis(identifier)

    def retry(self, identifier: str) -> Analysis:
        forget_shards(self.jobs.repository, self.store, identifier)
        queue = self.repository.retry(identifier)
        forget_answers(self.jobs.repository, self.store, analysis=identifier)
        self.store.delete_result(identifier)
        self.jobs.send(identifier, queue)
        self.jobs.notifications.notify(identifier)
        return self.repository.analysis(identifier)

    def remove(self, identifier: str) -> None:
        """An ended analysis with its results and the answers about it."""
        self.repository.delete_analysis(identifier)
        forget_results(self.jobs.repository, self.store, identifier)
        self.jobs.notifications.notify(identifier)

    def known(self, submission: Submission) -> Analysis | None:
        """What was made with this key; ProblemError where it belongs to another submission."""
        key = submission.idempotency_key
        found = self.repository.analysis_by_key(key) if key else None
        if found is None:
            return None
        if found[1] != submission.request_hash:
            raise ProblemError(
                KEY_TAKEN,
                f"The Idempotency-Key {key!r} belongs to another submission.",
                "Make a new key for a new submission.",
            )
        return self.repository.analysis(found[0])

    async def _submitted(
        self, request: AnalysisRequest, submission: Submission, who: Principal, *, fresh: bool
    ) -> Analysis:
        """The analysis of an earlier one's results, or a new one after its check."""
        document = await asyncio.to_thread(self._document, request, who)
        if not fresh:
            reused = await asyncio.to_thread(self._reused, request, document, submission)
            if reused:
                return reused
        await asyncio.to_thread(self._check_device, request)
        # A check that still waits for a worker is not a refusal: the analysis checks again.
        await self.jobs.tried(NewJob("check", request.checkpoint, document, owner=who.id))
        return await asyncio.to_thread(self._queue, request, document, submission)

    def _document(self, request: AnalysisRequest, who: Principal) -> dict[str, Any]:
        files = {"checkpoint": request.checkpoint, "train": request.train}
        if request.test:
            files["test"] = request.test
        if request.optimizer_state:
            files["optimizer_state"] = request.optimizer_state
        names = {
            role: self._accepted(KINDS.get(role, "dataset"), sha, who).name
            for role, sha in files.items()
        }
        self.uploads.used(list(files.values()), who)
        parameters = request.parameters.model_dump(mode="json")
        return {"files": files, "names": names, "parameters": parameters}

    def _accepted(self, kind: UploadKind, identifier: str, who: Principal) -> Upload:
        """An upload that an analysis may use."""
        try:
            if who.owner is not None:
                self.access.check_upload(kind, identifier, who.owner, reading=True)
            upload = self.uploads.repository.upload(kind, identifier, owner=who.owner)
        except ProblemError as missing:
            # Not the address is wrong but a value of the body.
            missing.status, missing.advice = 422, f"Upload the {kind} first."
            raise
        refuse_unreadable(upload)
        return upload

    def _check_device(self, request: AnalysisRequest) -> None:
        """Raises ProblemError `no_gpu` where no worker that lives could take the job."""
        if request.parameters.device == "cpu":
            return
        workers = self.jobs.workers.workers(seen_since=time.time() - SEEN_SECONDS)
        if not any("gpu" in worker["queues"] for worker in workers):
            raise ProblemError(
                "no_gpu",
                "No worker with a GPU is there.",
                "Choose device cpu, or start a GPU worker.",
            )

    def _earlier(self, submission: Submission) -> Analysis | None:
        """A done analysis of the same content and person, or a shipped one, without failures."""
        release = this_code().release
        content, owner = submission.content, submission.owner
        found = self.repository.done_with_content(content, owner=owner, release=release)
        if found is None:
            return None
        try:
            path = self.store.have(self.store.report(found.id))
            report = Report.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None
        # Another attempt may do better.
        return None if report.failures else found

    def _reused(
        self, request: AnalysisRequest, document: dict[str, Any], submission: Submission
    ) -> Analysis | None:
        """A done analysis with the results of an earlier one of the same content."""
        source = self._earlier(submission)
        if source is None:
            return None
        stages = tuple(stage.stage for stage in source.stages)
        job = NewJob("analysis", request.checkpoint, document, stages, owner=submission.owner)
        try:
            self.store.link_result(job.id, source.id)
        except OSError:  # deleted meanwhile
            return None
        try:
            self.repository.import_done(
                request,
                job,
                source.arrays,
                now=time.time(),
                submission=submission,
                message=f"Same files and parameters as analysis {source.id}: its results are used "
                "again.",
                code=source.made_by,
            )
        except ProblemError:
            self.store.delete_result(job.id)
            raise
        return self.repository.analysis(job.id)

    def _queue(
        self, request: AnalysisRequest, document: dict[str, Any], submission: Submission
    ) -> Analysis:
        job = NewJob(
            "analysis",
            request.checkpoint,
            document,
            stages=tuple(request.parameters.stages),
            owner=submission.owner,
            priority=PRIORITIES[request.priority],
        )
        self.jobs.check_waiting(job)
        self.repository.add_analysis(request, job, now=time.time(), submission=submission)
        self.jobs.send(job.id, job.queue)
        return self.repository.analysis(job.id)


async def _analyses(request: Request) -> AnalysisService:
    service: AnalysisService = request.app.state.analyses
    return service


Analyses = Annotated[AnalysisService, Depends(_analyses)]
