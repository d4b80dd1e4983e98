"""Whether the network knows more of its training set than how often each answer comes.

What is wrong where it does not (activation, normalisation, order of the classes) gives numbers
that look like any others.
"""

from __future__ import annotations

from minimascope.analysis.session.opening import output_count
from minimascope.contract.report import SplitSummary
from minimascope.curvature.minimum.minimum import Minimum


def guessing_loss(minimum: Minimum) -> float:
    """Mean training loss of the best constant: entropy of the labels, half the variance for mse."""
    return minimum.loss.of_best_constant(minimum.targets, output_count(minimum))


def worse_than_guessing(minimum: Minimum, train: SplitSummary) -> list[str]:
    """A warning with both losses where the network's is not the smaller one."""
    if _knows_too_much(minimum):
        return []
    guessed = guessing_loss(minimum)
    if train.loss < guessed or guessed == 0.0:
        return []
    known = "how often each class comes" if minimum.loss.judges else "the mean"
    return [
        f"The training loss of {train.loss:.3g} is not below {guessed:.3g}, that of knowing "
        f"{known} alone: is it the activation, the normalisation and the order of the classes that "
        "the network was trained with?"
    ]


def _knows_too_much(minimum: Minimum) -> bool:
    """Whether the best constant, which has logits for each position, would know texts by heart."""
    if minimum.loss.reads != "labels_of_positions":
        return False
    return minimum.n < output_count(minimum) // minimum.targets.shape[1]
