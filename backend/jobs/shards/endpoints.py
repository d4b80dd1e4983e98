"""What the worker of an analysis asks about its shards; what is removed when it has ended."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from backend.jobs.job import ShardQuestion
from backend.repositories import Repository
from backend.service import Here
from backend.storage.files import Store

router = APIRouter(prefix="/internal/jobs/{job}/shards", tags=["workers"], include_in_schema=False)
Token = Annotated[str, Header(alias="X-Fencing-Token")]
MOST_SHARDS = 256


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Question(Body):
    stage: Annotated[str, Field(max_length=32)]
    index: Annotated[int, Field(ge=0)]
    question: dict[str, Any]


class Questions(Body):
    shards: Annotated[list[Question], Field(max_length=MOST_SHARDS)]


class Found(Body):
    model_config = ConfigDict(from_attributes=True)

    id: str
    index: int
    state: str
    progress: float
    arrays: list[str]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None


class News(Body):
    """The shard taken, if there was one to take, and every shard of the stage."""

    model_config = ConfigDict(from_attributes=True)

    taken: Found | None
    shards: list[Found]


@router.put("", status_code=204)
def add(job: str, body: Questions, service: Here, token: Token) -> None:
    """Makes those that are not there yet; idle workers hear of them."""
    questions = [ShardQuestion(each.stage, each.index, each.question) for each in body.shards]
    for each in service.repository.add_shards(job, token, questions, now=time.time()):
        service.send(each, "analyses")


@router.post("/{stage}/take")
def take(job: str, stage: str, service: Here, token: Token) -> News:
    """A shard nobody works on, for the worker of the analysis itself."""
    lease = service.settings.lease_seconds
    found = service.repository.take_shard(job, token, stage, now=time.time(), lease=lease)
    return News.model_validate(found)


def forget(repository: Repository, store: Store, analysis: str | None = None) -> None:
    """Removes the shards of an analysis that has ended, or of all such, with their files."""
    for each in repository.forget_shards(analysis):
        store.delete_result(each)
