"""Analyses: submitted, listed, cancelled, tried again, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from backend.auth.principal import Principal, Who
from backend.http import cursors, representations
from backend.http.representations import Match
from backend.jobs.job import KEY_TAKEN, JobKind, NewJob, Submission
from backend.jobs.shards import endpoints as shards
from backend.questions import service as asked
from backend.retention.service import forget_results
from backend.service import Here, Service
from minimascope import __version__
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import ESTIMATOR_VERSION, Report
from minimascope.contract.schemas import (
    Analysis,
    AnalysisPage,
    AnalysisPlan,
    AnalysisRequest,
    CandidateTable,
    State,
    Upload,
    UploadKind,
)

router = APIRouter(prefix="/analyses", tags=["analyses"])
plans = APIRouter(prefix="/plans", tags=["analyses"])
architectures = APIRouter(prefix="/architectures", tags=["analyses"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
SEEN_SECONDS = 60.0
PRIORITIES = {"low": -1, "normal": 0, "high": 1}
Limit = Annotated[int, Query(ge=1, le=200)]


def _accepted(service: Service, kind: UploadKind, identifier: str, who: Principal) -> Upload:
    """An upload that an analysis may use."""
    try:
        if who.owner is not None:
            service.repository.check_upload(kind, identifier, who.owner, reading=True)
        upload = service.repository.upload(kind, identifier)
    except ProblemError as missing:
        raise ProblemError(missing.code, missing.sentence, f"Upload the {kind} first.") from missing
    if upload.inspection.state == "refused" and upload.inspection.problem:
        raise ProblemError.from_dict(upload.inspection.problem)
    return upload


def _document(service: Service, request: AnalysisRequest, who: Principal) -> dict[str, Any]:
    files = {"checkpoint": request.checkpoint, "train": request.train}
    if request.test:
        files["test"] = request.test
    names = {
        role: _accepted(service, "checkpoint" if role == "checkpoint" else "dataset", sha, who).name
        for role, sha in files.items()
    }
    service.repository.uploads_used(list(files.values()), now=time.time())
    parameters = request.parameters.model_dump(mode="json")
    return {"files": files, "names": names, "parameters": parameters}


def _known(service: Service, key: str | None, request_hash: str) -> Analysis | None:
    found = service.repository.analysis_by_key(key) if key else None
    if found is None:
        return None
    if found[1] != request_hash:
        raise ProblemError(
            KEY_TAKEN,
            f"The Idempotency-Key {key!r} belongs to another submission.",
            "Make a new key for a new submission.",
            status=409,
        )
    return service.repository.analysis(found[0])


def _has_device(service: Service, request: AnalysisRequest) -> None:
    """Raises ProblemError `no_gpu` where no worker that lives could take the job."""
    if request.parameters.device == "cpu":
        return
    workers = service.repository.workers(seen_since=time.time() - SEEN_SECONDS)
    if not any("gpu" in worker["queues"] for worker in workers):
        raise ProblemError(
            "no_gpu", "No worker with a GPU is there.", "Choose device cpu, or start a GPU worker."
        )


def content_hash(request: AnalysisRequest) -> str:
    """What the numbers follow from: files, parameters and the estimators' version."""
    content = request.model_dump(mode="json", exclude={"name", "priority"})
    text = json.dumps([ESTIMATOR_VERSION, __version__, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _reused(
    service: Service, request: AnalysisRequest, document: dict[str, Any], submission: Submission
) -> Analysis | None:
    """A done analysis with the results of an earlier one of the same content, if there is one."""
    found = service.repository.done_with_content(submission.content)
    if found is None:
        return None
    source, source_owner = found
    try:
        report = Report.model_validate_json(
            service.store.have(service.store.report(source.id)).read_bytes()
        )
    except (OSError, ValueError):
        return None
    if report.failures:  # another attempt may do better
        return None
    stages = tuple(stage.stage for stage in source.stages)
    job = NewJob("analysis", request.checkpoint, document, stages=stages, owner=submission.owner)
    try:
        service.store.link_result(job.id, source.id)
    except OSError:  # deleted meanwhile
        return None
    message = "Same files and parameters as an earlier analysis: its results are used again."
    if source_owner == submission.owner:
        message = f"Same files and parameters as analysis {source.id}: its results are used again."
    try:
        service.repository.import_done(
            request, job, source.arrays, now=time.time(), submission=submission, message=message
        )
    except ProblemError:
        service.store.delete_result(job.id)
        raise
    return service.repository.analysis(job.id)


def _queue(
    service: Service, request: AnalysisRequest, document: dict[str, Any], submission: Submission
) -> Analysis:
    job = NewJob(
        "analysis",
        request.checkpoint,
        document,
        stages=tuple(request.parameters.stages),
        owner=submission.owner,
        priority=PRIORITIES[request.priority],
    )
    service.repository.add_analysis(request, job, now=time.time(), submission=submission)
    service.send(job.id, job.queue)
    return service.repository.analysis(job.id)


@router.post("", status_code=201)
async def submit(
    request: AnalysisRequest, service: Here, who: Who, key: Key = None, fresh: bool = False
) -> Analysis:
    """Queues an analysis, after a worker has loaded the files and seen that they fit.

    Two at once with one Idempotency-Key make one analysis, which both are answered. An earlier done
    analysis of the same files and parameters gives its results at once; the message says so.
    `fresh=true` computes them again.
    """
    request_hash = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    # A key is one person's: another's same key is another key.
    key = f"{who.id}:{key}"[:200] if key and who.id else key
    known = await asyncio.to_thread(_known, service, key, request_hash)
    if known:
        return known
    submission = Submission(key, request_hash, content_hash(request), who.id)
    try:
        return await _submitted(service, request, submission, who, fresh=fresh)
    except ProblemError as problem:
        if problem.code != KEY_TAKEN:
            raise
        found = await asyncio.to_thread(_known, service, key, request_hash)
        if found is None:
            raise
        return found


async def _submitted(
    service: Service,
    request: AnalysisRequest,
    submission: Submission,
    who: Principal,
    *,
    fresh: bool,
) -> Analysis:
    """The analysis of an earlier one's results, or a new one after its check."""
    document = await asyncio.to_thread(_document, service, request, who)
    if not fresh:
        reused = await asyncio.to_thread(_reused, service, request, document, submission)
        if reused:
            return reused
    await asyncio.to_thread(_has_device, service, request)
    check = NewJob("check", request.checkpoint, document, owner=who.id)
    await asyncio.to_thread(service.start, check)
    status = await service.ended(check.id, seconds=service.settings.inspect_wait_seconds)
    if status.state == "failed" and status.problem:
        raise ProblemError.from_dict(status.problem)
    # A check that still waits for a worker is not a refusal: the analysis checks again.
    return await asyncio.to_thread(_queue, service, request, document, submission)


@plans.post("")
async def plan(request: AnalysisRequest, service: Here, who: Who) -> AnalysisPlan:
    """What the spectrum would cost on a worker, measured there; nothing is queued for later."""
    return AnalysisPlan.model_validate(await _answer(service, "plan", request, who))


@architectures.post("")
async def candidates(request: AnalysisRequest, service: Here, who: Who) -> CandidateTable:
    """What bare weights may be, with the loss of each on the training data; nothing is chosen.

    Of the parameters only `loss` and `label` count.
    """
    return CandidateTable.model_validate(await _answer(service, "architectures", request, who))


async def _answer(
    service: Service, kind: JobKind, request: AnalysisRequest, who: Principal
) -> dict[str, Any]:
    """What a worker finds about the files while the caller waits."""
    document = await asyncio.to_thread(_document, service, request, who)
    job = NewJob(kind, request.checkpoint, document, owner=who.id)
    await asyncio.to_thread(service.start, job)
    status = await service.ended(job.id, seconds=service.settings.inspect_wait_seconds)
    if status.state == "failed" and status.problem:
        raise ProblemError.from_dict(status.problem)
    if status.result is None:
        raise ProblemError(
            "no_plan_yet", "The workers are busy.", "Ask again in a minute.", status=503
        )
    return status.result


@router.get("", response_model=AnalysisPage)
def analyses(
    service: Here,
    who: Who,
    match: Match = None,
    limit: Limit = 50,
    cursor: str | None = None,
    state: State | None = None,
    q: Annotated[str, Query(max_length=200, description="part of the name")] = "",
) -> Response:
    """Newest first; give `next` back as `cursor` for the page after."""
    items, last = service.repository.analyses(
        limit=limit, cursor=cursors.decode(cursor), state=state, q=q, owner=who.owner
    )
    page = AnalysisPage(items=items, next=cursors.encode(last))
    return representations.document(page.model_dump_json().encode(), match)


@router.get("/{identifier}")
def analysis(identifier: str, service: Here) -> Analysis:
    return service.repository.analysis(identifier)


@router.post("/{identifier}/cancel")
def cancel(identifier: str, service: Here) -> Analysis:
    """A running analysis ends within two seconds; 409 where it has ended."""
    service.repository.cancel(identifier, now=time.time())
    shards.forget(service.repository, service.store, identifier)
    service.changes.notify(identifier)
    return service.repository.analysis(identifier)


@router.post("/{identifier}/retry")
def retry(identifier: str, service: Here) -> Analysis:
    """Queues a failed or cancelled analysis again, from its start."""
    shards.forget(service.repository, service.store, identifier)
    queue = service.repository.retry(identifier)
    asked.forget(service.repository, service.store, identifier)
    service.store.delete_result(identifier)
    service.send(identifier, queue)
    service.changes.notify(identifier)
    return service.repository.analysis(identifier)


@router.delete("/{identifier}", status_code=204)
def remove(identifier: str, service: Here) -> None:
    """Removes an ended analysis with its report and arrays; its files stay."""
    service.repository.delete_analysis(identifier)
    forget_results(service.repository, service.store, identifier)
    service.changes.notify(identifier)
