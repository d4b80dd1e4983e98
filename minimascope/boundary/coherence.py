"""How the gradients of training examples point relative to one another and class by class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.classification import require_classification
from minimascope.boundary.gradients import reinforcing_gradients
from minimascope.curvature.minimum.minimum import Minimum


@dataclass(frozen=True)
class Coherence:
    """Cosines between reinforcing gradients, examples sorted by the network's own class.

    cosines (m, m) in [−1, 1], NaN for examples without a gradient direction; order (m,) rows of
    `inputs`; classes (m,) in that order; class_means (K, K) mean cosine between two classes
    (without the diagonal of ones), NaN where a class has no pair.
    """

    cosines: Tensor
    order: Tensor
    classes: Tensor
    class_means: Tensor


def gradient_coherence(minimum: Minimum, inputs: Tensor) -> Coherence:
    """Coherence of `inputs` (m, ...); holds m × p numbers. Raises ValueError for regression."""
    require_classification(minimum)
    found = reinforcing_gradients(minimum, inputs)
    order = found.residual.classes.argsort(stable=True)
    units, classes = found.units[order], found.residual.classes[order]
    cosines = (units @ units.T).clamp(-1, 1)
    member = torch.nn.functional.one_hot(classes, found.residual.direction.shape[1])
    known = cosines.isfinite() & ~torch.eye(len(classes), dtype=torch.bool, device=units.device)
    member = member.to(cosines)
    sums = member.T @ torch.where(known, cosines, torch.zeros_like(cosines)) @ member
    return Coherence(cosines, order, classes, sums / (member.T @ known.to(cosines) @ member))


def class_alignment(alignment: Tensor, classes: Tensor, count: int) -> Tensor:
    """Mean alignment of each class with each vector, (k, count); NaN points are left out.

    alignment (k, m), classes (m,); NaN for classes without a usable point.
    """
    means = [alignment[:, classes == label].nanmean(dim=1) for label in range(count)]
    return torch.stack(means, dim=1)
