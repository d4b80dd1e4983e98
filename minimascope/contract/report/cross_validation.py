"""The gap by K-fold with a person's own training: computed by them, shown beside the estimates."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from minimascope.contract.names import seen
from minimascope.contract.report.gap import Gap
from minimascope.contract.report.sections import Section

Finite = Annotated[float, Field(allow_inf_nan=False)]
Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
BETTER = (
    "K-fold with your own training is better than any estimate from curvature where it can be "
    "afforded"
)
OFFER = (
    f"{BETTER}: minimascope.cross_validate(fit, data), or minimascope cross-validate on a command "
    "line."
)


class CrossValidation(Section):
    """K-fold over n examples, in units of the loss; `gap` is that of n(1 − 1/k) examples.

    `gap_at_n` is corrected to all of them. `standard_error` is of the gap of the one training set
    at hand, `standard_error_of_expected` of the mean over training sets; what the k folds alone
    say is `standard_error_over_folds`.
    """

    k: Annotated[int, Field(ge=2)]
    n: Annotated[int, Field(ge=2, lt=2**53)]
    gap: Finite
    standard_error: Error
    train_loss: Finite
    held_out_loss: Finite
    gap_at_n: Finite | None = None
    standard_error_over_folds: Error | None = None
    standard_error_of_expected: Error | None = None
    train_accuracy: Share | None = None
    held_out_accuracy: Share | None = None
    loss: Annotated[str, Field(max_length=200), AfterValidator(seen)] = ""
    seed: Annotated[int, Field(ge=0, lt=2**53)] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"k = {self.k} folds of {self.n} examples cannot be")
        apart = self.held_out_loss - self.train_loss
        size = max(abs(self.held_out_loss), abs(self.train_loss))
        if not math.isclose(self.gap, apart, rel_tol=1e-6, abs_tol=1e-6 * size):
            raise ValueError(
                f"gap = {self.gap:g} is not held_out_loss − train_loss = {apart:g}: "
                "these are no numbers of one cross-validation"
            )
        return self


def offered(gap: Gap | None) -> bool:
    """Whether nothing reliable stands without K-fold, so that it is offered."""
    return gap is not None and gap.verdict != "reliable"
