"""K-fold that came with an analysis: taken where it is of the same examples, and judged."""

from __future__ import annotations

from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CrossValidation, SplitSummary

# Standard errors of the gap. Of 40 networks (docs/cross_validation.md) 35 were within, 33 of them
# with a K-fold gap within ×2 of the measured one; of the 5 beyond, 2.
APART = 2.0


def folds_given(
    parameters: Parameters, train: SplitSummary
) -> tuple[CrossValidation | None, list[str]]:
    """What the person computed, and what to say of it beside the network analysed.

    Raises ProblemError invalid_parameters where the folds are of another number of examples.
    """
    given = parameters.cross_validation
    if given is None:
        return None, []
    if given.n != train.n:
        raise ProblemError(
            "invalid_parameters",
            f"The cross-validation is of {given.n:,} examples, the training data have {train.n:,}.",
            "Leave it out, or run it on these data.",
        )
    if given.loss not in ("", parameters.loss):
        sentence = f"The cross-validation measured the loss {given.loss!r}, this analysis "
        return given, [f"{sentence}{parameters.loss}: the two gaps may be in different units."]
    return given, _other_kind(given, train)


def _other_kind(given: CrossValidation, train: SplitSummary) -> list[str]:
    """K-fold measures a recipe; this network may have ended where others of it do not."""
    if abs(given.train_loss - train.loss) <= APART * given.standard_error:
        return []
    return [
        f"The networks of the {given.k} folds ended at a training loss of {given.train_loss:.3g}, "
        f"this one at {train.loss:.3g}: it may be of another kind than they are, trained otherwise "
        "or ended elsewhere, and its gap another than theirs."
    ]
