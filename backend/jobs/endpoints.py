"""What workers call: claim, heartbeat, deliver, finish. Guarded by the worker token.

Every call after the claim carries the fencing token; 409 `stale_token` tells a worker that
the job is no longer its own.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError

from backend.auth.permissions import WORKER
from backend.jobs.job import Claim, Progress
from backend.jobs.removal import forget_shards
from backend.jobs.schemas import ClaimAnswer, Finish, Heartbeat, HeartbeatAnswer
from backend.jobs.service import Jobs, JobService
from backend.storage.incoming import Incoming
from minimascope.contract.code import Code, named_by, this_code
from minimascope.contract.job_kinds import job_kind
from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QueueName
from minimascope.contract.report import Report

router = APIRouter(
    prefix="/internal", tags=["workers"], include_in_schema=False, dependencies=[WORKER]
)
Token = Annotated[str, Header(alias="X-Fencing-Token")]
CLAIM_TRIES = 10
NPY_MAGIC = b"\x93NUMPY"


def check_release(theirs: Code) -> None:
    """Raises ProblemError `release_differs` for a worker whose numbers may be others."""
    ours = this_code()
    if theirs.release != ours.release:
        sentence = f"This worker is {theirs.words()}; the server is {ours.words()}."
        raise ProblemError("release_differs", sentence)


def _taken(jobs: JobService, job: str, code: Code) -> Claim | None:
    """The job that comes first in the queue of `job`; again where another worker was quicker.

    Also where `job` itself went to that other one: its own message's job then has none but this.
    """
    before = ""
    for _ in range(CLAIM_TRIES):
        chosen = jobs.workers.choose(job, release=code.release)
        lease = jobs.settings.lease_seconds
        taken = jobs.repository.claim(chosen, now=time.time(), lease=lease, code=code)
        if taken or chosen == before:  # the same one twice: it cannot be taken by anybody
            return taken
        before = chosen
    return None


@router.post("/jobs/{job}/claim", responses={409: {}})
def claim(job: str, request: Request, jobs: Jobs) -> ClaimAnswer:
    """409 `not_claimable` where the job is taken, ended, or out of attempts; `release_differs`
    for a worker of another version, before it computes anything."""
    code = named_by(request.headers)
    check_release(code)
    taken = _taken(jobs, job, code)
    if taken is None:
        sentence = f"Job {job[:80]} has nothing to claim."
        raise ProblemError("not_claimable", sentence)
    jobs.notifications.notify(taken.job)
    return ClaimAnswer(
        job=taken.job,
        kind=taken.kind,
        token=taken.token,
        attempt=taken.attempt,
        lease_seconds=jobs.settings.lease_seconds,
        job_seconds=jobs.settings.job_seconds,
        document=taken.document,
    )


@router.post("/jobs/{job}/heartbeat")
def heartbeat(job: str, body: Heartbeat, jobs: Jobs, token: Token) -> HeartbeatAnswer:
    progress = Progress(
        body.progress,
        body.message,
        {name: update.model_dump() for name, update in body.stages.items()},
    )
    lease = jobs.settings.lease_seconds
    cancel = jobs.repository.heartbeat(job, token, progress, now=time.time(), lease=lease)
    jobs.notifications.notify(job)
    return HeartbeatAnswer(cancel=cancel)


@router.post("/jobs/{job}/finish", status_code=204)
def finish(job: str, body: Finish, request: Request, jobs: Jobs, token: Token) -> None:
    ended = jobs.repository.finish(
        job,
        token,
        body.state,
        now=time.time(),
        problem=body.problem,
        result=body.result,
        code=named_by(request.headers),
    )
    jobs.metrics.ended(ended)
    reports = job_kind(ended.kind).answer == "report"
    if reports and ended.state == "done":
        _count_products(jobs, job)
    jobs.notifications.notify(job)
    if reports:
        forget_shards(jobs.repository, jobs.store, job)


def _count_products(jobs: JobService, job: str) -> None:
    """The rate of the spectrum, where the report says it."""
    try:
        content = jobs.store.have(jobs.store.report(job)).read_bytes()
    except FileNotFoundError:
        return
    spectrum = Report.model_validate_json(content).spectrum
    plan = spectrum.plan if spectrum else None
    if plan and plan.actual_products and plan.actual_seconds:
        jobs.metrics.products(plan.actual_products / plan.actual_seconds)


@router.post("/jobs/{job}/release", status_code=204)
def release(job: str, jobs: Jobs, token: Token, frozen: bool = False) -> None:
    """A worker that shuts down gives its job to another one; one whose child froze tries again."""
    queue: QueueName | None
    if frozen:
        jobs.metrics.lost(1)
        queue = jobs.repository.give_up(job, token, now=time.time())
    else:
        queue = jobs.repository.release(job, token)
    if queue:
        jobs.send(job, queue)
    jobs.notifications.notify(job)


def _keep(
    jobs: JobService, job: str, token: str, *, incoming: Incoming, path: Path, array: str = ""
) -> None:
    with jobs.repository.fenced_write(job, token, array):
        incoming.keep(path)
    jobs.notifications.notify(job)


@router.put("/jobs/{job}/report", status_code=204)
async def put_report(job: str, request: Request, jobs: Jobs, token: Token) -> None:
    content = await request.body()
    try:
        Report.model_validate_json(content)
    except ValidationError as error:
        sentence = f"The report does not follow its schema: {error.errors()[0]['loc']}."
        raise ProblemError("invalid_report", sentence) from error
    with jobs.store.incoming(limit=jobs.settings.max_upload_bytes) as incoming:
        await asyncio.to_thread(incoming.write, content)
        path = jobs.store.report(job)
        await asyncio.to_thread(_keep, jobs, job, token, incoming=incoming, path=path)


@router.put("/jobs/{job}/arrays/{name}", status_code=204)
async def put_array(job: str, name: str, request: Request, jobs: Jobs, token: Token) -> None:
    path = jobs.store.array(job, name)
    await asyncio.to_thread(jobs.repository.check_token, job, token)
    with jobs.store.incoming(limit=jobs.settings.max_upload_bytes) as incoming:
        async for part in request.stream():
            if incoming.size == 0 and part and not part.startswith(NPY_MAGIC[: len(part)]):
                raise ProblemError("invalid_array", f"{name} is not a .npy file.")
            await asyncio.to_thread(incoming.write, part)
        await asyncio.to_thread(_keep, jobs, job, token, incoming=incoming, path=path, array=name)


@router.get("/results/{identifier}/arrays/{name}")
def result_array(identifier: str, name: str, jobs: Jobs) -> Response:
    """What an earlier job delivered and a later one needs: eigenvectors for a slice."""
    gone = ProblemError("no_such_array", "That array is gone.")
    return _file(jobs, jobs.store.array(identifier, name), gone)


@router.get("/blobs/{identifier}")
def blob(identifier: str, jobs: Jobs) -> Response:
    gone = ProblemError("no_such_blob", "That blob is gone.")
    return _file(jobs, jobs.store.blob(identifier), gone)


def _file(jobs: JobService, path: Path, gone: ProblemError) -> Response:
    try:
        found = jobs.store.have(path)
    except FileNotFoundError as error:
        raise gone from error
    return FileResponse(found, media_type="application/octet-stream")
