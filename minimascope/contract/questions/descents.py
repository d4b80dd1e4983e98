"""Training gone on with until the minimum that was meant: what is asked, and how far it came."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from minimascope.contract.questions.question import AnswerDocument, Question, QuestionKind
from minimascope.contract.schemas import Document


class DescentRequest(Question):
    """The weights of the analysis, moved to the nearest minimum of its loss with weight decay."""

    kind: ClassVar[QuestionKind] = "descent"

    seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        120.0, description="after which it ends wherever it stands"
    )


class DescentPath(Document):
    """Mean loss plus penalty (nats an example), and ‖∇L + Pθ‖/‖Pθ‖, before and after.

    `distance`: ‖θ_after − θ_before‖₂. `converged`: the share is below 0.05.
    """

    steps: int
    objective_before: float
    objective_after: float
    gradient_share_before: float | None
    gradient_share_after: float | None
    distance: float
    converged: bool


class Descent(AnswerDocument):
    """A descent asked for: `path` is there once it is done, and so is the array `checkpoint`."""

    kind: ClassVar[QuestionKind] = "descent"

    request: DescentRequest
    arrays: tuple[str, ...] = ()
    path: DescentPath | None = None
