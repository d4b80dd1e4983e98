"""Whether the network knows more of its training set than how often each answer comes.

What is wrong where it does not (activation, normalisation, order of the classes) gives numbers
that look like any others.
"""

from __future__ import annotations

import torch

from minimascope.contract.report import SplitSummary
from minimascope.curvature.minimum.minimum import Minimum


def guessing_loss(minimum: Minimum) -> float:
    """Mean training loss of the best constant: entropy of the labels, half the variance for mse."""
    targets = minimum.targets
    if minimum.loss == "mse":
        spread = targets.reshape(minimum.n, -1).double().var(dim=0, correction=0)
        return 0.5 * float(spread.sum())
    shares = torch.bincount(targets.reshape(-1).long()).double() / minimum.n
    return -float(torch.xlogy(shares, shares).sum())


def worse_than_guessing(minimum: Minimum, train: SplitSummary) -> list[str]:
    """A warning with both losses where the network's is not the smaller one."""
    guessed = guessing_loss(minimum)
    if train.loss < guessed or guessed == 0.0:
        return []
    known = "the mean" if minimum.loss == "mse" else "how often each class comes"
    return [
        f"The training loss of {train.loss:.3g} is not below {guessed:.3g}, that of knowing "
        f"{known} alone: is it the activation, the normalisation and the order of the classes that "
        "the network was trained with?"
    ]
