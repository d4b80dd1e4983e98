"""What a file says of its training, as the sandboxed reader answers it: checked values, no more.

Nothing is concluded here; `minimascope.intake.training` does that, once the network is known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Finite = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
MOST = 20_000


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupFacts(_Facts):
    """One group of an optimiser: its settings, and its parameters by number."""

    lr: Finite | None = None
    initial_lr: Finite | None = None
    max_lr: Finite | None = None
    weight_decay: Finite | None = None
    momentum: Finite | None = None
    eps: Finite | None = None
    betas: list[Finite] | None = None
    ids: Annotated[list[Whole], Field(max_length=MOST)] = []
    names: Annotated[list[str], Field(max_length=MOST)] | None = None

    @property
    def peak(self) -> float | None:
        """The rate that a schedule starts from or rises to; the rate itself without one."""
        return next((r for r in (self.max_lr, self.initial_lr, self.lr) if r is not None), None)


class StateFacts(_Facts):
    """What is kept of one parameter: its shape, steps, and the tensor of its second moment."""

    id: Whole
    shape: list[Whole]
    step: Finite | None = None
    tensor: str | None = None


class OptimizerFacts(_Facts):
    name: str
    key: str = ""
    groups: Annotated[list[GroupFacts], Field(min_length=1, max_length=MOST)]
    steps: Finite | None = None
    state: Annotated[list[StateFacts], Field(max_length=MOST)] = []

    @property
    def ids(self) -> list[int]:
        """All numbers, group by group."""
        return [key for group in self.groups for key in group.ids]


class ScheduleFacts(_Facts):
    """A scheduler: its numbers, how often it was asked, and whether they tell its rates."""

    numbers: dict[str, Finite] = {}
    milestones: list[Finite] | None = None
    last: Finite | None = None
    known: bool = False


class TrainingFacts(_Facts):
    """Everything; empty where a file says nothing."""

    optimizer: OptimizerFacts | None = None
    optimizers: int = 1
    schedules: list[ScheduleFacts] = []
    steps: Finite | None = None
    hyper: dict[str, Finite | str] = {}
    class_weights: list[Finite] | None = None
    pos_weight: list[Finite] | None = None
    criterion: str | None = None

    def number(self, name: str) -> float | None:
        """A hyper-parameter that is a number."""
        value = self.hyper.get(name)
        return value if isinstance(value, float) else None

    def text(self, name: str) -> str:
        """A hyper-parameter that is a text, in lower case."""
        value = self.hyper.get(name)
        return value.lower() if isinstance(value, str) else ""


def facts_of(answer: object) -> TrainingFacts:
    """The reader's answer; nothing where it is not of this form."""
    try:
        return TrainingFacts.model_validate(answer or {})
    except ValidationError:
        return TrainingFacts()
