"""The straight line between two minima: what is asked, and the loss along it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from minimascope.contract.questions.question import AnswerDocument, Question, QuestionKind
from minimascope.contract.schemas import Document

Curve = list[float | None]
Statistics = Literal["none", "recomputed", "interpolated"]


class InterpolationRequest(Question):
    """θ(α) = (1 − α) θ_a + α θ_b from the analysis asked to the analysis `other`.

    α goes from −1/4 to 5/4 in steps of 1/`steps`, so that 0 and 1 are among them.
    """

    kind: ClassVar[QuestionKind] = "interpolation"

    other: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
    steps: Annotated[int, Field(ge=4, le=100, multiple_of=4)] = Field(
        20, description="from one minimum to the other, a multiple of 4"
    )


class InterpolationQuestion(Document):
    """What the job carries: the request, and how the other analysis' checkpoint is to be built."""

    request: InterpolationRequest
    architecture: dict[str, Any] | None = None


class Barrier(Document):
    """max over α in [0, 1] of the loss above the chord between the ends, in nats, and where.

    `standard_error` over examples, each compared with its own chord; it does not know that the
    highest of several α was taken. Frankle et al. 2020 (arXiv 1912.05671) call two networks
    linearly connected where there is none.
    """

    value: float
    standard_error: float
    alpha: float


class SplitCurve(Document):
    """Mean loss (nats an example) and accuracy over α, with their standard errors over examples.

    null where a loss is not finite.
    """

    n: int
    loss: Curve
    loss_standard_error: Curve
    accuracy: Curve | None = None
    accuracy_standard_error: Curve | None = None
    barrier: Barrier


class LineFilm(Document):
    """Decision regions on the drawn plane (of the inputs, or their first two principal components).

    `classes`: base64 of side × side bytes for each α, row after row of y; x and y: the ends of the
    axes, in the coordinates of the report's array `points`.
    """

    side: int
    x: list[float]
    y: list[float]
    classes: list[str]


class InterpolationCurve(Document):
    """The loss along the line; one value of every list for each α.

    `statistics` says what was done with BatchNorm's running statistics, which belong to neither
    network between the ends: `recomputed` on the training data at every α (Jordan et al. 2022,
    arXiv 2211.08403), `interpolated` where the network has no BatchNorm layers to do so, `none`
    where it has no such statistics. `distance` is ‖θ_b − θ_a‖₂. `film` is null where no plane is
    drawn or its pictures would take long.
    """

    alpha: list[float]
    train: SplitCurve
    test: SplitCurve | None = None
    statistics: Statistics
    distance: float
    film: LineFilm | None = None


class Interpolation(AnswerDocument):
    """A line asked for: `curve` is there once it is done."""

    kind: ClassVar[QuestionKind] = "interpolation"

    request: InterpolationRequest
    curve: InterpolationCurve | None = None
