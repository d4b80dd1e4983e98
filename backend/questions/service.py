"""Questions about an analysis: asked once, computed by a worker, waited for, kept for a day.

An answer's id follows from the question, so the same question is answered from the store; it runs
on the queue of inspections and never waits behind an analysis.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response

from backend.analyses.service import AnalysisService
from backend.auth.principal import Principal
from backend.jobs.job import NewJob
from backend.jobs.service import JobService
from backend.questions.repository import QuestionRepository
from backend.storage.database import Engine
from backend.storage.files import Store
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.question import AnswerDocument, Question
from minimascope.contract.schemas import FINAL_STATES, Analysis

Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait for the answer")]
Answer = TypeVar("Answer", bound=AnswerDocument)
Read = Callable[[str, str], Answer]


class QuestionService:
    """One per application."""

    def __init__(
        self, engine: Engine, store: Store, *, analyses: AnalysisService, jobs: JobService
    ) -> None:
        self.repository = QuestionRepository(engine)
        self.store, self.analyses, self.jobs = store, analyses, jobs

    async def analysis(self, identifier: str) -> Analysis:
        """The one that a question is about."""
        return await asyncio.to_thread(self.analyses.repository.analysis, identifier)

    async def ask(self, job: NewJob, read: Read[Answer], wait: float) -> Answer:
        """The answer to the question of `job`, which a worker computes unless it is there."""
        await asyncio.to_thread(self._ask, job)
        return await self.awaited(read, job.subject, job.id, wait)

    def _ask(self, job: NewJob) -> None:
        if self.repository.ask(job, now=time.time()):
            self.store.delete_result(job.id)
            self.jobs.send(job.id, job.queue)

    async def awaited(
        self, read: Read[Answer], analysis: str, identifier: str, wait: float
    ) -> Answer:
        """The answer once it has ended, or as it is after `wait` seconds."""
        found = await asyncio.to_thread(read, analysis, identifier)
        if found.state in FINAL_STATES or not wait:
            return found
        await self.jobs.ended(identifier, seconds=wait)
        return await asyncio.to_thread(read, analysis, identifier)


def refuse_elsewhere(*analyses: Analysis) -> None:
    """Raises ProblemError `computed_elsewhere`: there are no files to ask."""
    if any(each.elsewhere for each in analyses):
        raise ProblemError(
            "computed_elsewhere",
            "This report was computed elsewhere: its weights and data are not on this server.",
        )


def question_job(
    analysis: Analysis, question: Question, files: dict[str, str], who: Principal, **document: Any
) -> NewJob:
    """What a worker gets: files by role, the analysis' parameters, and `document` as it is."""
    refuse_elsewhere(analysis)
    own = {"checkpoint": analysis.checkpoint, "train": analysis.train}
    if analysis.optimizer_state:  # it may say which parameters were trained
        own["optimizer_state"] = analysis.optimizer_state
    return NewJob(
        question.kind,
        analysis.id,
        {
            "files": {**own, **files},
            "names": {},
            "parameters": analysis.parameters.model_dump(mode="json"),
            **document,
        },
        id=question.identifier(analysis.id),
        owner=who.id,
    )


def answered(found: Answer, response: Response) -> Answer:
    """200 where the answer is there, 202 with its place where not; raises its ProblemError."""
    if found.problem:
        raise ProblemError.from_dict(found.problem)
    if found.state != "done":
        response.status_code = 202
    place = f"/api/v1/analyses/{found.analysis}/{found.kind}s/{found.id}"
    response.headers["location"] = place
    return found


async def _questions(request: Request) -> QuestionService:
    service: QuestionService = request.app.state.questions
    return service


Questions = Annotated[QuestionService, Depends(_questions)]
