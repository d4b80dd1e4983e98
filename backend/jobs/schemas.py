"""Bodies of what workers send and get."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import StageState

MOST_SHARDS = 256


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClaimAnswer(Body):
    job: str
    kind: str
    token: str
    attempt: int
    lease_seconds: float
    job_seconds: float
    document: dict[str, Any]


class StageUpdate(Body):
    state: StageState
    seconds: float | None = None


class Heartbeat(Body):
    progress: Annotated[float, Field(ge=0, le=1)] = 0.0
    message: Annotated[str, Field(max_length=500)] = ""
    stages: dict[str, StageUpdate] = {}


class HeartbeatAnswer(Body):
    cancel: bool


class WorkerReport(Body):
    """What a worker process says of itself every few seconds."""

    queues: list[QueueName]
    device: Annotated[str, Field(max_length=100)]
    layers: dict[str, bool | int] = {}
    versions: dict[str, str] = {}
    idle_seconds: float = 0.0
    out_of_memory: Annotated[int, Field(ge=0)] = 0


class WorkerAnswer(Body):
    """`awake`: somebody was here lately, so that the next job should find a child ready."""

    restart: bool
    awake: bool = True


class Finish(Body):
    state: Literal["done", "failed", "cancelled"]
    problem: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


class ShardRequest(Body):
    stage: Annotated[str, Field(max_length=32)]
    index: Annotated[int, Field(ge=0)]
    question: dict[str, Any]


class ShardRequests(Body):
    shards: Annotated[list[ShardRequest], Field(max_length=MOST_SHARDS)]


class ShardState(Body):
    id: str
    index: int
    state: str
    progress: float
    arrays: list[str]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None


class ShardStates(Body):
    """The shard taken, if there was one to take, and every shard of the stage."""

    taken: ShardState | None
    shards: list[ShardState]
