"""Questions about an analysis: asked once, computed by a worker, waited for, kept for a day.

An answer's id follows from the question, so the same question is answered from the store; it runs
on the queue of inspections and never waits behind an analysis.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Query, Response

from backend.jobs.job import NewJob
from backend.repositories import Repository
from backend.service import Service
from backend.storage.files import Store
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import Interpolation
from minimascope.contract.questions.slices import Slice
from minimascope.contract.schemas import FINAL_STATES

Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait for the answer")]
Answer = TypeVar("Answer", Slice, Interpolation)
Read = Callable[[str, str], Answer]


def ask(service: Service, job: NewJob) -> str:
    """The id of the answer, which a worker computes unless it is there."""
    if service.repository.ask(job, now=time.time()):
        service.store.delete_result(job.id)
        service.send(job.id, job.queue)
    return job.id


async def awaited(
    service: Service, read: Read[Answer], analysis: str, identifier: str, wait: float
) -> Answer:
    """The answer once it has ended, or as it is after `wait` seconds."""
    found = await asyncio.to_thread(read, analysis, identifier)
    if found.state in FINAL_STATES or not wait:
        return found
    await service.ended(identifier, seconds=wait)
    return await asyncio.to_thread(read, analysis, identifier)


def answered(found: Answer, response: Response, kind: str) -> Answer:
    """200 where the answer is there, 202 with its place where not; raises its ProblemError."""
    if found.problem:
        raise ProblemError.from_dict(found.problem)
    if found.state != "done":
        response.status_code = 202
    response.headers["location"] = f"/api/v1/analyses/{found.analysis}/{kind}/{found.id}"
    return found


def forget(repository: Repository, store: Store, analysis: str) -> None:
    """Removes every plane and line of an analysis."""
    for each in repository.forget_questions(analysis=analysis):
        store.delete_result(each)
