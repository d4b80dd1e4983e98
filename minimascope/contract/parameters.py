"""What a person asks for: the parameters of one analysis, the same in browser, REST and CLI."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from minimascope.contract.report import STAGES, Loss, Stage

# Losses that are not analysed. Named so that whoever trained with one hears what that means.
OTHER_LOSSES = {
    "label_smoothing": "smoothed labels",
    "class_weights": "class weights",
}

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Parameters(BaseModel):
    """Everything besides the files that changes a result.

    Each field says in its description what it is; the command line's help is made of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: dict[str, Any] | None = Field(
        None, description="an mlp or sequential spec (docs/network_architectures.md)"
    )
    loss: Loss = Field("cross_entropy", description="what was minimised")
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="column or array of labels, where it is not y, label or target"
    )
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="the optimiser's L2 term, not AdamW's decoupled decay"
    )
    lr: Positive | None = Field(None, description="learning rate, of plain SGD without decay")
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="momentum, of plain SGD without decay"
    )
    steps: Annotated[int, Field(gt=0)] | None = Field(
        None, description="steps taken, of plain SGD without decay"
    )
    top_k: Annotated[int, Field(ge=1, le=200)] = Field(10, description="eigenvectors to compute")
    spectrum_examples: Annotated[int, Field(ge=1, lt=2**53)] | None = Field(
        None,
        description="training examples, drawn by the seed, that spectrum and density are of; "
        "all where it is not given",
    )
    lambdas: Annotated[list[Positive], Field(description="more points of the curves over λ")] = []
    epsilon: Positive | None = Field(
        None, description="alignment threshold of G; from random vectors where it is not given"
    )
    dtype: Literal["float64", "float32"] = Field("float64", description="of every number")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where it is computed")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="of every random draw")
    stages: list[Stage] = Field(list(STAGES), description="parts of the report to compute")

    @field_validator("architecture")
    @classmethod
    def _storable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """What JSON itself can say: databases refuse NaN, infinity, NUL and half a surrogate."""
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            text.encode()
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ValueError("holds a character that is no Unicode") from error
        if "\\u0000" in text:
            raise ValueError("holds a NUL character")
        return value

    @model_validator(mode="before")
    @classmethod
    def _other_losses(cls, given: Any) -> Any:
        """A loss this is not about is refused in words; said not to be there, it is left out."""
        if not isinstance(given, dict):
            return given
        for name, what in OTHER_LOSSES.items():
            if given.get(name):
                raise ValueError(
                    f"{name} = {given[name]!r:.80}: a loss with {what} is not handled. Its minima "
                    "are no minima of the plain loss analysed here, so spectrum and gap would be "
                    "those of another point; train without, or upload another checkpoint."
                )
        return {name: value for name, value in given.items() if name not in OTHER_LOSSES or value}
