"""The gap on a test set: what every estimate is to be compared with."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from minimascope.curvature.gap.result import GapEstimate
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood


def on_test(minimum: Minimum, test: tuple[Tensor, Tensor]) -> Likelihood:
    """A test set under the loss trained, normalised for this set."""
    # Labels may stay numbers where training had shares of classes, and the other way round.
    like = minimum.theta if test[1].is_floating_point() else minimum.targets.device
    inputs, targets = test[0].to(minimum.inputs), test[1].to(like)
    found = likelihood_of(minimum, inputs, targets)
    return replace(found, loss=found.loss.of_data(targets))


def measured_gap(train: Likelihood, test: Likelihood) -> GapEstimate:
    """Mean test − mean train loss in nats, and sd(test loss)/√n_test."""
    losses = test.nll()
    return GapEstimate(
        float(losses.mean() - train.nll().mean()),
        float(losses.std()) / math.sqrt(losses.numel()),
        "mean test loss − mean train loss; sd(test loss)/√n_test",
    )
