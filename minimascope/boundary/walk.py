"""The loss and the decision boundary along θ + ε v_k, in both directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.boundary.classification import (
    class_logits,
    parameter_vectors,
    require_classification,
)
from minimascope.boundary.planes import Frame, grid_inputs, input_axes
from minimascope.boundary.slices import class_fields
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian

# A loss near 0 rises by a large factor before anything visible moves: the rise aimed at is at
# least this many nats.
_LEAST_RISE = 0.05
SMALL_FRAME = Frame(resolution=60)  # one is drawn at every step


@dataclass(frozen=True)
class Walk:
    """Training loss (nats per example) and accuracy at θ + epsilon[j]·v.

    epsilon (s,) symmetric about 0, as far as the quadratic model ½λε² adds `rise` nats;
    curvature = λ = vᵀHv; loss_spread (s,) the standard deviation of the loss over examples. For
    2-D inputs x (r,), y (r,), classes (s, r, r) and class_fields (s, K, r, r) float32 as in a
    slice; None for other inputs.
    """

    epsilon: Tensor
    loss: Tensor
    accuracy: Tensor
    loss_spread: Tensor
    rise: float
    curvature: float
    x: Tensor | None = None
    y: Tensor | None = None
    classes: Tensor | None = None
    class_fields: Tensor | None = None


def walk(
    minimum: Minimum,
    vector: Tensor,
    *,
    eigenvalue: float | None = None,
    factor: float = 10.0,
    points: int = 21,
    frame: Frame = SMALL_FRAME,
) -> Walk:
    """Walks along `vector` (p,) until the loss should be `factor` times its value at θ.

    The range comes from the eigenvalue (vᵀHv by one Hessian product if None); where the curvature
    is not positive it is found by doubling ε. `points` is made odd, so that ε = 0 is one of them.
    Raises ValueError for regression, a zero vector, or factor ≤ 1.
    """
    direction = _direction(minimum, vector)
    if not factor > 1:
        raise ValueError(f"The loss should rise by a factor above 1; {factor} was asked for.")
    if eigenvalue is None:
        eigenvalue = float(hessian(minimum).matvec(direction) @ direction)
    rise = max((factor - 1) * _loss(minimum, minimum.theta), _LEAST_RISE)
    reach = reach_of(minimum.theta, direction, eigenvalue, rise, lambda at: _loss(minimum, at))
    epsilon = torch.linspace(-reach, reach, points + 1 - points % 2, dtype=torch.float64)
    thetas = [minimum.theta + step * direction for step in epsilon.tolist()]
    measured = torch.tensor([_measured(minimum, theta) for theta in thetas], dtype=torch.float64)
    loss, accuracy, spread = measured.unbind(dim=1)
    along = Walk(epsilon, loss, accuracy, spread, rise, eigenvalue)
    return (
        along if tuple(minimum.inputs.shape[1:]) != (2,) else _drawn(along, minimum, thetas, frame)
    )


def _direction(minimum: Minimum, vector: Tensor) -> Tensor:
    """The vector (p,) of unit length."""
    require_classification(minimum)
    direction = parameter_vectors(minimum, vector)[0]
    size = torch.linalg.vector_norm(direction)
    if not (size > 0 and size.isfinite()):
        raise ValueError(f"The direction of a walk has norm {float(size)}; it must be positive.")
    return direction / size


def _drawn(along: Walk, minimum: Minimum, thetas: list[Tensor], frame: Frame) -> Walk:
    """With the map of the input plane at every step."""
    plane, (x, y) = input_axes(minimum.inputs), frame.sides(minimum.inputs)
    inputs, square = grid_inputs(plane.origin, plane.axes, x, y), (len(y), len(x))
    logits = [_logits(minimum, theta, inputs) for theta in thetas]
    fields = torch.stack([class_fields(row) for row in logits])
    return replace(
        along,
        x=x,
        y=y,
        classes=torch.stack([row.argmax(dim=1).view(square) for row in logits]),
        class_fields=fields.view(len(thetas), -1, *square),
    )


def _logits(minimum: Minimum, theta: Tensor, inputs: Tensor) -> Tensor:
    return class_logits(outputs_at(minimum, inputs, theta))


def _measured(minimum: Minimum, theta: Tensor) -> tuple[float, float, float]:
    """Mean loss, accuracy, standard deviation of the loss over examples."""
    logits = as_matrix(outputs_at(minimum, minimum.inputs, theta))
    losses = minimum.loss.values(logits, minimum.targets)
    hits = minimum.loss.correct(logits, minimum.targets)
    spread = losses.double().std(correction=min(1, len(losses) - 1))
    return float(losses.mean()), float(hits.double().mean()), float(spread)


def _loss(minimum: Minimum, theta: Tensor) -> float:
    return _measured(minimum, theta)[0]


def reach_of(
    theta: Tensor,
    direction: Tensor,
    curvature: float,
    rise: float,
    loss: Callable[[Tensor], float],
) -> float:
    """How far to walk from θ along a unit direction until `loss` should have risen by `rise`."""
    limit = float(torch.linalg.vector_norm(theta))
    if curvature > 0:
        # Beyond ‖θ‖ the walk has left the minimum whatever the model says.
        return min(math.sqrt(2 * rise / curvature), limit)
    start, reach = loss(theta), 1e-3 * limit
    while reach < limit:
        ends = [loss(theta + sign * reach * direction) for sign in (-1, 1)]
        if not max(ends) - start < rise:
            break
        reach *= 2
    return min(reach, limit)
