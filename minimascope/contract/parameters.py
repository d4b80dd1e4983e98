"""What a person asks for: the parameters of one analysis, the same in browser, REST and CLI."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from minimascope.contract.names import all_visible
from minimascope.contract.objective import ObjectiveParameters, Positive
from minimascope.contract.report import STAGES, CrossValidation, Stage

# Seconds of whoever says none, where everything would take longer: on the page and on a CPU.
USUAL = 300.0
# What a field takes the place of, where it is changed.
REPLACED: dict[str, set[str]] = {
    "weight_decay": {"decay_on", "decay_table"},
    "decay_table": {"weight_decay", "decay_on"},
    "loss": {"link", "class_weights", "pos_weight", "label_smoothing"},
    "schedule": {"lr_sum"},
    "lr_sum": {"schedule"},
}
HALF = (
    "{kind} has too few digits for curvature: products were {off} off, and no residual goes below "
    "that. Ask for float32; weights in {kind} are taken as they are"
)
HALVES = {"bfloat16": "0.5% to 6%", "float16": "0.1% to 0.4%"}  # docs/howto/several_devices.md
# Of JSON: an architecture of a thousand layers is a third of this.
MOST_ARCHITECTURE = 1 << 19
RESIZE = r"^[1-9]\d{0,2}x[1-9]\d{0,2}$"


class Parameters(ObjectiveParameters):
    """Everything besides the files that changes a result.

    Each field says in its description what it is; the command line's help is made of them.
    """

    architecture: dict[str, Any] | None = Field(
        None, description="an mlp or sequential spec (docs/network_architectures.md)"
    )
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="column or array of labels, where it is not y, label or target"
    )
    resize: str | None = Field(
        None,
        description="height x width that images are resized to, as 64x64; never untold",
        json_schema_extra={"pattern": RESIZE},
    )
    top_k: Annotated[int, Field(ge=1, le=200)] = Field(10, description="eigenvectors to compute")
    spectrum_examples: Annotated[int, Field(ge=1, lt=2**53)] | None = Field(
        None,
        description="training examples, drawn by the seed, that spectrum and density are of; "
        "all where it is not given",
    )
    lambdas: Annotated[list[Positive], Field(max_length=200)] = Field(
        default_factory=list[float], description="more points of the curves over λ"
    )
    epsilon: Positive | None = Field(
        None, description="alignment threshold of G; from random vectors where it is not given"
    )
    seconds: Positive | None = Field(
        None,
        description="a budget that is kept: first numbers from a sample, then what fits, and what "
        "was sampled or left out is said; any time where it is not given",
    )
    seconds_at_most: Positive | None = Field(
        None,
        description="a budget as that of seconds, kept only where everything would take longer; "
        "where it does not, nothing is shortened; seconds go before it",
    )
    dtype: Literal["float64", "float32"] = Field("float64", description="of every number")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where it is computed")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="of every random draw")
    cross_validation: CrossValidation | None = Field(
        None, description="what K-fold with your own training found, shown beside the estimates"
    )
    stages: list[Stage] = Field(list(STAGES), description="parts of the report to compute")

    def changed(self, fields: dict[str, Any]) -> Parameters:
        """The same with these fields, and without what they take the place of.

        Whoever says how strong weight decay was says where, too; another loss has other options.
        """
        gone = set[str]().union(*(REPLACED.get(name, set()) for name in fields))
        kept = self.model_dump(exclude_defaults=True, exclude=gone)
        return Parameters.model_validate(kept | fields)

    @field_validator("dtype", mode="before")
    @classmethod
    def _digits(cls, value: Any) -> Any:
        if isinstance(value, str) and value in HALVES:
            raise ValueError(HALF.format(kind=value, off=HALVES[value]))
        return value

    @field_validator("resize")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(RESIZE, value):
            raise ValueError("write height x width, such as 64x64")
        return value

    @field_validator("architecture")
    @classmethod
    def _storable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """What JSON itself can say, in characters that can be seen: databases refuse NaN and
        infinity, NUL and half a surrogate."""
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            plain = json.loads(text)
            hidden = all_visible(plain) != plain
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
        if hidden:
            raise ValueError("holds a character that cannot be seen")
        if len(text) > MOST_ARCHITECTURE:
            raise ValueError(f"is longer than {MOST_ARCHITECTURE} characters of JSON")
        return value
