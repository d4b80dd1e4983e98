"""Mean loss over the plane θ + a v₁ + b v₂, of training and test examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.classification import parameter_vectors
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum

Held = tuple[Tensor, Tensor]  # inputs (m, ...) and targets (m, ...)


@dataclass(frozen=True)
class Surface:
    """Mean losses (nats an example) at θ + a[j]·v₁ + b[i]·v₂, arrays indexed [i, j].

    a (s,), b (t,); train (t, s), test (t, s) or None without test examples; float64.
    """

    a: Tensor
    b: Tensor
    train: Tensor
    test: Tensor | None


def loss_surface(
    minimum: Minimum,
    vectors: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    test: Held | None = None,
    along: tuple[Tensor, Tensor] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Surface:
    """The loss of training over the plane of two unit vectors (2, p).

    a (s,) and b (t,) are steps along them. `along`: the training losses (s,) at the b closest to 0
    and (t,) at the a closest to 0, which walks along the vectors have taken already.
    Raises ValueError for vectors of another length.
    """
    first, second = parameter_vectors(minimum, vectors)
    train = torch.full((len(b), len(a)), torch.nan, dtype=torch.float64)
    held = None if test is None else torch.full_like(train, torch.nan)
    row, column = int(b.abs().argmin()), int(a.abs().argmin())
    if along is not None:
        train[row], train[:, column] = along[0].to(train), along[1].to(train)
    own: Held = (minimum.inputs, minimum.targets)
    for i, up in enumerate(b.tolist()):
        for j, right in enumerate(a.tolist()):
            theta = minimum.theta + right * first + up * second
            if along is None or (i != row and j != column):
                train[i, j] = _mean_loss(minimum, theta, own)
            if held is not None and test is not None:
                held[i, j] = _mean_loss(minimum, theta, test)
        if progress is not None:
            progress((i + 1) / len(b))
    return Surface(a, b, train, held)


def _mean_loss(minimum: Minimum, theta: Tensor, held: Held) -> float:
    inputs, targets = held
    logits = as_matrix(outputs_at(minimum, inputs, theta))
    return float(minimum.loss.of_data(targets).values(logits, targets).double().mean())
