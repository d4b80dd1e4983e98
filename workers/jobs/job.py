"""A job as its child has it: everything a handler may use."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from minimascope.analysis.questions.question import Asked
from minimascope.analysis.session.opening import Files
from minimascope.contract.job_kinds import JobKind, job_kind
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.question import QuestionKind
from workers.publishing import SupervisorPublisher

Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True)
class Job:
    """Files and arrays are paths in `workdir`; `replies` are lines of the supervisor.

    `unfinished` is a folder of what it may go on from, `memory_share` the part of memory to plan
    with.
    """

    kind: JobKind
    files: dict[str, Path]
    arrays: dict[str, Path]
    given: dict[str, Any]
    question: BaseModel | None
    workdir: Path
    unfinished: Path | None
    memory_share: float
    publisher: SupervisorPublisher
    replies: queue.SimpleQueue[bytes]
    devices: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        document: dict[str, Any],
        publisher: SupervisorPublisher,
        replies: queue.SimpleQueue[bytes],
    ) -> Job:
        """From what the supervisor told; ValueError for a kind or question that does not exist."""
        kind = job_kind(document["kind"])
        unfinished = document.get("unfinished")
        return cls(
            kind=kind,
            files=_paths(document["files"]),
            arrays=_paths(document.get("arrays") or {}),
            given=document.get("parameters") or {},
            question=kind.question and kind.question.model_validate(document["question"]),
            workdir=Path(document["workdir"]),
            unfinished=Path(unfinished) if unfinished else None,
            memory_share=document.get("memory_share", 1.0),
            publisher=publisher,
            replies=replies,
            devices=tuple(document.get("devices") or ()),
        )

    @property
    def parameters(self) -> Parameters:
        return Parameters.model_validate(self.given)

    @property
    def parameters_on_cpu(self) -> Parameters:
        """For jobs so small that any worker may take them."""
        return self.parameters.model_copy(update={"device": "cpu"})

    @property
    def paths(self) -> Files:
        """The files of an analysis."""
        return Files(**self.files)

    def asks(self, model: type[Q]) -> Q:
        """Its question, which the table of kinds says is of this type."""
        assert isinstance(self.question, model)
        return self.question

    def asked(self, kind: QuestionKind, model: type[Q]) -> Asked[Q]:
        """What a question about an analysis is answered from."""
        return Asked(
            kind,
            self.asks(model),
            self.paths,
            self.parameters,
            workdir=self.workdir,
            publisher=self.publisher,
            arrays=self.arrays,
        )


def _paths(given: dict[str, str]) -> dict[str, Path]:
    return {role: Path(path) for role, path in given.items()}
