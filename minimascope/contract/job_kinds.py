"""The kinds of jobs: one row a kind, which backend and workers both read.

A new kind is a row here, a handler of that name in workers/jobs, and whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel

from minimascope.contract.questions.descents import DescentRequest
from minimascope.contract.questions.interpolations import InterpolationQuestion
from minimascope.contract.questions.slices import SliceRequest
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import MAX_ATTEMPTS, UploadKind
from minimascope.contract.shards import ShardQuestion

KindName = Literal[
    "inspect_checkpoint",
    "inspect_dataset",
    "labelled",
    "weights",
    "architectures",
    "check",
    "plan",
    "slice",
    "interpolation",
    "descent",
    "shard",
    "analysis",
]
# inspection: its answer is kept with the upload. request: somebody waits for its answer, which is
# then forgotten. question: about an analysis; its id follows from the question, so each is its own
# cache. part: of an analysis at work, for workers with nothing else to do. analysis: the thing.
Role = Literal["inspection", "request", "question", "part", "analysis"]


@dataclass(frozen=True)
class JobKind:
    """One row.

    queue: where it waits; `gpu_queue` where its parameters ask for a GPU and it can use one.
    inspects: the kind of upload its answer is the inspection of.
    question: what its document carries under the name of the kind, beside files and parameters.
    attempts: how many workers may be lost with it; most_waiting: how many of one subject may wait.
    """

    name: KindName
    role: Role
    queue: QueueName = "inspections"
    gpu_queue: QueueName | None = None
    inspects: UploadKind | None = None
    question: type[BaseModel] | None = None
    attempts: int = MAX_ATTEMPTS
    most_waiting: int | None = None

    @property
    def answer(self) -> Literal["report", "value"]:
        """What a worker has to have delivered before the job is done."""
        return "report" if self.role == "analysis" else "value"

    @property
    def leaves_files(self) -> bool:
        """Arrays or a report are stored under its id, and have to go with it."""
        return self.role in ("question", "part", "analysis")

    @property
    def leaves_child_clean(self) -> bool:
        """The process that did it may do another, whatever it was of; an analysis may leave memory
        and a device in use."""
        return self.role != "analysis"

    def queue_for(self, parameters: Mapping[str, Any]) -> QueueName:
        """Where a job of this kind with these parameters waits."""
        wants_gpu = parameters.get("device", "cpu") == "cuda"
        return self.gpu_queue if self.gpu_queue and wants_gpu else self.queue


_ROWS = (
    JobKind("inspect_checkpoint", "inspection", inspects="checkpoint"),
    JobKind("inspect_dataset", "inspection", inspects="dataset"),
    JobKind("labelled", "request"),
    JobKind("weights", "request"),
    JobKind("architectures", "request"),
    JobKind("check", "request"),
    JobKind("plan", "request"),
    JobKind("slice", "question", question=SliceRequest, most_waiting=20),
    JobKind("interpolation", "question", question=InterpolationQuestion, most_waiting=20),
    JobKind("descent", "question", question=DescentRequest, most_waiting=20),
    JobKind("shard", "part", queue="analyses", question=ShardQuestion),
    JobKind("analysis", "analysis", queue="analyses", gpu_queue="gpu"),
)
JOB_KINDS: dict[KindName, JobKind] = {row.name: row for row in _ROWS}


def job_kind(name: str) -> JobKind:
    """The row of a kind; ValueError where there is none of that name."""
    try:
        return JOB_KINDS[cast(KindName, name)]
    except KeyError as error:
        raise ValueError(f"{name!r} is no kind of job: {', '.join(JOB_KINDS)}.") from error


def kinds_with(role: Role) -> tuple[KindName, ...]:
    """The names of all kinds of one role."""
    return tuple(row.name for row in _ROWS if row.role == role)


def inspection_of(upload: UploadKind) -> KindName:
    """The kind of job that inspects such an upload."""
    return next(row.name for row in _ROWS if row.inspects == upload)
