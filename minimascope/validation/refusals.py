"""What is said where K-fold cannot be done; training has not begun or its folds are kept."""

from __future__ import annotations

from minimascope.contract.problems import ProblemError


def folds_impossible(sentence: str, advice: str = "") -> ProblemError:
    """Examples that cannot be divided as asked."""
    return ProblemError("folds_impossible", sentence, advice)


def losses_unusable(sentence: str, advice: str = "") -> ProblemError:
    """Not one finite loss for each example."""
    return ProblemError("losses_unusable", sentence, advice)
