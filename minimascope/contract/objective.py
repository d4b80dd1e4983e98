"""What training minimised and how, as a person tells it: one set of fields for every door.

`minimascope.objective` has the same as values that compute (docs/mathematics.md, section 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from minimascope.contract.names import seen

LossName = Literal["cross_entropy", "binary", "multilabel", "mse", "torch_mse"]
Link = Literal["logits", "log_probabilities", "probabilities"]
TorchLossName = Literal["CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss", "BCELoss", "MSELoss"]
AnyLossName = Literal[LossName, TorchLossName]
# What a report may be of: in a script also a criterion that has no name.
ReportedLoss = Literal[LossName, "custom"]
OptimizerName = Literal["sgd", "adam", "adamw", "lbfgs", "other"]
Schedule = Literal["constant", "cosine", "linear", "step"]

# torch's criteria by class name: the loss, and what it takes the network's outputs for.
TORCH_LOSSES: dict[TorchLossName, tuple[LossName, Link]] = {
    "CrossEntropyLoss": ("cross_entropy", "logits"),
    "NLLLoss": ("cross_entropy", "log_probabilities"),
    "BCEWithLogitsLoss": ("binary", "logits"),
    "BCELoss": ("binary", "probabilities"),
    "MSELoss": ("torch_mse", "logits"),
}
# Which losses a field belongs to, and what it is called.
_BELONGS: dict[str, tuple[tuple[LossName, ...], str]] = {
    "label_smoothing": (("cross_entropy",), "label smoothing"),
    "class_weights": (("cross_entropy",), "class weights"),
    "ignore_index": (("cross_entropy",), "label to ignore"),
    "pos_weight": (("binary", "multilabel"), "weights of positives"),
}

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(seen)]
Share = Annotated[float, Field(ge=0, lt=1)]
MOST_CLASSES = 10_000
MOST_PATTERNS = 100
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "lbfgs": "L-BFGS"}
ROUNDING = 1e-6  # of a sum of learning rates


class ObjectiveParameters(BaseModel):
    """The loss, the penalty, what was trained, the optimiser, and what training added."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: LossName = Field(
        "cross_entropy",
        description="what was minimised; also by torch's name, as BCELoss",
        json_schema_extra={"also": list(get_args(TorchLossName))},
    )
    link: Link | None = Field(
        None,
        description="what the network's outputs are; its last layer tells",
    )
    label_smoothing: Share | None = Field(
        None, description="as in torch's CrossEntropyLoss; 0 where neither you nor the file says"
    )
    class_weights: (
        Annotated[list[NotNegative], Field(min_length=1, max_length=MOST_CLASSES)] | None
    ) = Field(None, description="a weight a class, as in torch's CrossEntropyLoss")
    pos_weight: Annotated[list[Positive], Field(min_length=1, max_length=MOST_CLASSES)] | None = (
        Field(None, description="a weight of the positives an output, as in BCEWithLogitsLoss")
    )
    ignore_index: Annotated[int, Field(gt=-(2**53), lt=2**53)] | None = Field(
        None, description="the label that counts for nothing, besides torch's -100"
    )
    example_weights: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="column or array of the training data with a weight an example"
    )
    weight_decay: NotNegative | None = Field(None, description="the optimiser's weight_decay")
    decay_on: Pattern = Field(
        "all", description="what was decayed: all, matrices, or a pattern of parameter names"
    )
    decay_table: Annotated[dict[Pattern, NotNegative], Field(max_length=MOST_PATTERNS)] | None = (
        Field(None, description="weight decay by pattern of parameter names; the first fits")
    )
    trainable: Annotated[list[Pattern], Field(max_length=MOST_PATTERNS)] | None = Field(
        None, description="patterns of the parameters that were trained; the rest was frozen"
    )
    optimizer: OptimizerName | None = Field(None, description="what minimised it")
    lr: Positive | None = Field(None, description="learning rate, the largest of a schedule")
    schedule: Schedule | None = Field(None, description="how the learning rate went")
    lr_sum: Positive | None = Field(None, description="sum of the learning rates of all steps")
    steps: Annotated[int, Field(gt=0, lt=2**53)] | None = Field(
        None, description="steps of the optimiser"
    )
    momentum: Share | None = Field(None, description="of SGD")
    betas: tuple[Share, Share] | None = Field(None, description="of Adam and AdamW")
    batch_size: Annotated[int, Field(gt=0, lt=2**53)] | None = Field(
        None, description="examples a step"
    )
    augmentation: bool | None = Field(None, description="whether inputs were augmented or mixed")
    dropout: bool | None = Field(None, description="whether dropout was on in training")
    groups: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="column or array that says which original an example is a copy of"
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        """One sentence for what cannot be told together."""
        for sentence in (*self._penalty_faults(), *self._optimizer_faults(), *self._rate_faults()):
            raise ValueError(sentence)
        return self

    def _penalty_faults(self) -> Iterator[str]:
        if self.decay_on != "all" and self.decay_table is not None:
            yield "decay_table says where weight decay acts, and so does decay_on: give one"
        if self.decay_on != "all" and self.weight_decay is None:
            yield "decay_on says where weight_decay acts, which was not given"
        if self.trainable == []:
            yield "trainable names no parameter, so nothing was trained: leave it out for all"

    def _optimizer_faults(self) -> Iterator[str]:
        name = OPTIMIZERS.get(self.optimizer or "", "")
        if self.momentum is not None and self.optimizer in ("adam", "adamw", "lbfgs"):
            yield f"momentum is SGD's, and the optimizer is {name}: leave it out"
        if self.betas is not None and self.optimizer not in ("adam", "adamw"):
            yield "betas are those of Adam and AdamW: say which of them it was, or leave them out"
        if self.schedule is not None and self.optimizer == "lbfgs":
            yield "a schedule says nothing of L-BFGS, which ends at a minimum: leave it out"

    def _rate_faults(self) -> Iterator[str]:
        if self.schedule is not None and self.lr_sum is not None:
            yield "schedule and lr_sum both say how large all steps were together: give one"
        if self.schedule is not None and (self.lr is None or self.steps is None):
            yield "schedule needs lr and steps, or give lr_sum, the sum of all learning rates"
        if self.lr_sum is None or self.lr is None or self.steps is None:
            return
        most = self.lr * self.steps
        if self.lr_sum > most * (1 + ROUNDING):
            yield (
                f"lr_sum is {self.lr_sum:g}, and {self.steps} steps of at most {self.lr:g} sum to "
                f"{most:g} at most: give the true ones"
            )

    @model_validator(mode="before")
    @classmethod
    def _of_torch(cls, given: Any) -> Any:
        """A criterion of torch by its class name is a loss and a link."""
        name = given.get("loss") if isinstance(given, dict) else None
        if name is None or name not in get_args(TorchLossName):
            return given
        loss, link = TORCH_LOSSES[name]
        told = given.get("link")
        if told not in (None, link):
            raise ValueError(f"{name} takes {link.replace('_', '-')}, not the link {told!r:.40}")
        return {**given, "loss": loss, "link": None if loss == "torch_mse" else link}

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name, (losses, said) in _BELONGS.items():
            value = getattr(self, name)
            if value not in (None, 0.0) and self.loss not in losses:
                raise ValueError(f"the loss {self.loss} takes no {said} ({name} = {value!s:.60})")
        if self.class_weights is not None and not any(self.class_weights):
            raise ValueError("class_weights has no positive weight")
        self._check_link()
        return self

    def _check_link(self) -> None:
        if self.loss in ("mse", "torch_mse") and self.link not in (None, "logits"):
            raise ValueError(f"the loss {self.loss} has no link, so link cannot be {self.link!r}")
        if self.loss in ("binary", "multilabel") and self.link == "log_probabilities":
            raise ValueError(
                f"the loss {self.loss} takes logits or probabilities, not log-probabilities"
            )
