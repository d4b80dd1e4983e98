"""The straight line between two minima: what is asked, and the loss along it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from minimascope import __version__
from minimascope.contract.report import ESTIMATOR_VERSION
from minimascope.contract.schemas import Document, State

Curve = list[float | None]
Statistics = Literal["none", "recomputed", "interpolated"]


class InterpolationRequest(BaseModel):
    """θ(α) = (1 − α) θ_a + α θ_b from the analysis asked to the analysis `other`.

    α goes from −1/4 to 5/4 in steps of 1/`steps`, so that 0 and 1 are among them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    other: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
    steps: Annotated[int, Field(ge=4, le=100, multiple_of=4)] = 20

    def identifier(self, analysis: str) -> str:
        """The same for the same question to the same version of the estimators."""
        content = [ESTIMATOR_VERSION, __version__, "interpolation", analysis, self.model_dump()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


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


class InterpolationCurve(Document):
    """The loss along the line; one value of every list for each α.

    `statistics` says what was done with BatchNorm's running statistics, which belong to neither
    network between the ends: `recomputed` on the training data at every α (Jordan et al. 2022,
    arXiv 2211.08403), `interpolated` where the network has no BatchNorm layers to do so, `none`
    where it has no such statistics. `distance` is ‖θ_b − θ_a‖₂.
    """

    alpha: list[float]
    train: SplitCurve
    test: SplitCurve | None = None
    statistics: Statistics
    distance: float


class Interpolation(Document):
    """A line asked for: `curve` is there once `state` is done, `problem` once it failed."""

    id: str
    analysis: str
    request: InterpolationRequest
    state: State
    progress: float = 0.0
    message: str = ""
    problem: dict[str, Any] | None = None
    curve: InterpolationCurve | None = None
