"""What questions about a finished analysis have in common: an id, and an answer that comes.

A question is asked of one analysis, computed by a worker once, and kept: its id follows from what
was asked. Its answer is a document that is there before the answer is.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from minimascope import __version__
from minimascope.contract.report import ESTIMATOR_VERSION
from minimascope.contract.schemas import Document, State

QuestionKind = Literal["slice", "interpolation", "descent"]


class Question(BaseModel):
    """What is asked, besides the analysis: the body of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[QuestionKind]

    def content(self) -> dict[str, Any]:
        """What the answer depends on."""
        return self.model_dump(mode="json")

    def identifier(self, analysis: str) -> str:
        """The same for the same question of one analysis to the same version of the estimators."""
        content = [ESTIMATOR_VERSION, __version__, self.kind, analysis, self.content()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


class AnswerDocument(Document):
    """How far an answer is: complete once `state` is done, with a `problem` once it failed."""

    kind: ClassVar[QuestionKind]

    id: str
    analysis: str
    state: State
    progress: float = 0.0
    message: str = ""
    problem: dict[str, Any] | None = None
