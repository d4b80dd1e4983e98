"""What the worker of an analysis asks about its shards."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Header

from backend.auth.permissions import WORKER
from backend.jobs.schemas import ShardRequests, ShardStates
from backend.jobs.service import Jobs

router = APIRouter(
    prefix="/internal/jobs/{job}/shards",
    tags=["workers"],
    include_in_schema=False,
    dependencies=[WORKER],
)
Token = Annotated[str, Header(alias="X-Fencing-Token")]


@router.put("", status_code=204)
def add(job: str, body: ShardRequests, jobs: Jobs, token: Token) -> None:
    """Makes those that are not there yet; idle workers hear of them."""
    for each in jobs.shards.add_shards(job, token, body.shards, now=time.time()):
        jobs.send(each, "analyses")


@router.post("/{stage}/take")
def take(job: str, stage: str, jobs: Jobs, token: Token) -> ShardStates:
    """A shard nobody works on, for the worker of the analysis itself."""
    lease = jobs.settings.lease_seconds
    return jobs.shards.take_shard(job, token, stage, now=time.time(), lease=lease)
