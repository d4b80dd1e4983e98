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

    `architecture` is an `mlp` or `sequential` spec (docs/network_architectures.md); weight decay is
    the optimiser's L2 term, not AdamW's decoupled decay; `lambdas` are extra points for the curves;
    `label` names the column (or array) of labels where it is not one of the usual names;
    `spectrum_examples` is how many training examples, drawn by the seed, the spectrum and density
    are of (null: all).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: dict[str, Any] | None = None
    loss: Loss = "cross_entropy"
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    lr: Positive | None = None
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    steps: Annotated[int, Field(gt=0)] | None = None
    top_k: Annotated[int, Field(ge=1, le=200)] = 10
    spectrum_examples: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    lambdas: list[Positive] = []
    epsilon: Positive | None = None
    dtype: Literal["float64", "float32"] = "float64"
    device: Literal["cpu", "cuda"] = "cpu"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    stages: list[Stage] = list(STAGES)

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
