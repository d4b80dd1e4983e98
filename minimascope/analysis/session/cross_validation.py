"""K-fold that came with an analysis: taken where it is of the same examples."""

from __future__ import annotations

from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CrossValidation


def folds_given(parameters: Parameters, n: int) -> tuple[CrossValidation | None, list[str]]:
    """What the person computed, and what to say of it; `n` training examples are analysed.

    Raises ProblemError invalid_parameters where the folds are of another number of examples.
    """
    given = parameters.cross_validation
    if given is None:
        return None, []
    if given.n != n:
        raise ProblemError(
            "invalid_parameters",
            f"The cross-validation is of {given.n:,} examples, the training data have {n:,}.",
            "Leave it out, or run it on these data.",
        )
    if given.loss in ("", parameters.loss):
        return given, []
    sentence = (
        f"The cross-validation measured the loss {given.loss!r}, this analysis {parameters.loss}: "
        "the two gaps may be in different units."
    )
    return given, [sentence]
