"""What a job is, apart from where it is stored."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from minimascope.contract.job_kinds import KindName, job_kind
from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QueueName
from minimascope.contract.schemas import Inspection, State


@dataclass(frozen=True)
class NewJob:
    """A job to be written; `subject` is the upload or analysis it is about."""

    kind: KindName
    subject: str
    document: dict[str, Any]
    stages: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    owner: str = ""
    priority: int = 0
    # The one that may take it, where not any may.
    release: str = ""

    @property
    def queue(self) -> QueueName:
        return job_kind(self.kind).queue_for(self.document.get("parameters", {}))


@dataclass(frozen=True)
class Claim:
    """What a worker gets with a claimed job; `token` goes with every later write."""

    job: str
    kind: str
    token: str
    attempt: int
    document: dict[str, Any]


@dataclass(frozen=True)
class JobStatus:
    """A job as seen by someone who waits for it."""

    id: str
    state: State
    version: int
    problem: dict[str, Any] | None
    result: dict[str, Any] | None


@dataclass(frozen=True)
class Progress:
    """What a heartbeat carries."""

    progress: float
    message: str
    stages: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Ended:
    """What metrics keep of a job: `waited` seconds for its first worker, seconds by stage."""

    kind: str
    state: str
    code: str
    waited: float
    stages: dict[str, float]


@dataclass(frozen=True)
class Reaped:
    """Jobs to send again, and jobs whose state the reaper changed."""

    send: list[tuple[str, QueueName]]
    changed: list[str]


def stale(job: str) -> ProblemError:
    return ProblemError(
        "stale_token",
        f"Job {job} no longer belongs to this worker: its lease was lost or it was ended.",
    )


def worker_lost(attempts: int) -> dict[str, Any]:
    return ProblemError(
        "worker_lost",
        f"The worker was lost {attempts} times while working on this.",
        "Its process was killed or froze, or its machine went away; the worker's log may say. "
        "Where it ran out of memory: use a machine with more, float32, or fewer eigenvectors.",
    ).as_dict()


def waiting_stages(stages: list[Any]) -> list[dict[str, Any]]:
    return [{"stage": s["stage"], "state": "waiting", "seconds": None} for s in stages]


def merged_stages(stages: list[Any], updates: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Known stages keep their order; a stage heard of for the first time goes last."""
    merged = {s["stage"]: dict(s) for s in stages}
    for name, update in updates.items():
        merged[name] = {"stage": name, "seconds": None, **update}
    return list(merged.values())


def closed_stages(stages: list[Any], state: str) -> list[dict[str, Any]]:
    """No stage of an ended job is still running or waiting."""
    running = "failed" if state == "failed" else "skipped"
    ends = {"running": "done" if state == "done" else running, "waiting": "skipped"}
    return [{**s, "state": ends.get(s["state"], s["state"])} for s in stages]


def as_inspection(found: dict[str, Any]) -> Inspection:
    """What a worker's result says of an upload that it took."""
    known = {name: found[name] for name in ("format", "summary", "warnings") if name in found}
    return Inspection(state="ok", **known)
