"""Full-batch L-BFGS on the objective that was told, from the weights as they are.

Liu and Nocedal 1989 with a strong Wolfe line search, as torch has it; dropout is off and
BatchNorm's running statistics stay as they are, as in every number of a report.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimascope.analysis.questions.question import Asked
from minimascope.analysis.session.assembly import Opened
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.descents import DescentPath, DescentRequest
from minimascope.curvature.minimum.batches import as_matrix, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import Checkpoint
from minimascope.objective.metric import CONVERGED, share_left

ENOUGH = 1e-3  # share of the gradient that is left: far below what counts as converged
STEPS, HISTORY, AT_ONCE = 5000, 50, 10


def answer(asked: Asked[DescentRequest]) -> dict[str, Any]:
    """Publishes the moved weights as a file of torch in the array `checkpoint`."""
    opened = asked.opened()
    refuse_unlike(opened.minimum)
    places = file_places(opened.checkpoint, asked.parameters.architecture)
    theta, path = descend(
        opened.minimum, seconds=asked.question.seconds, progress=asked.telling("Descending")
    )
    content = written(opened, places, theta)
    asked.publisher.array("checkpoint", np.frombuffer(content, dtype=np.uint8))
    return {"path": path.model_dump(mode="json")}


def refuse_unlike(minimum: Minimum) -> None:
    """Raises ProblemError cannot_descend where training had no minimum that is known here."""
    objective = minimum.objective
    why = ""
    if not objective.penalty.known:
        why = "its weight decay was not told"
    elif objective.optimiser.name == "adamw":
        why = "AdamW's decay is no part of a loss"
    elif objective.augmentation or objective.dropout:
        why = "training saw altered inputs or dropped units, which this loss does not"
    if why:
        raise ProblemError("cannot_descend", f"There is no known minimum to go to: {why}.")


def descend(
    minimum: Minimum, *, seconds: float, progress: Callable[[float], None] | None = None
) -> tuple[Tensor, DescentPath]:
    """θ (p,) at the end, and how it got there."""
    start, penalty = minimum.theta, _penalty(minimum)
    before = share_left(mean_gradient(minimum), penalty * start)
    theta = start.clone().requires_grad_()
    steps, share, first, last = 0, before, _objective(minimum, start, penalty), float("nan")
    deadline = time.monotonic() + seconds
    optimiser = torch.optim.LBFGS(
        [theta],
        max_iter=AT_ONCE,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )

    def closure() -> Tensor:
        theta.grad = None
        return _backward(minimum, theta, penalty)

    while steps < STEPS and time.monotonic() < deadline and (share is None or share > ENOUGH):
        value = float(optimiser.step(closure))  # type: ignore[arg-type]  # torch types it float
        steps += AT_ONCE
        assert theta.grad is not None
        closure()
        pull = penalty * theta.detach()
        share = share_left(theta.grad - pull, pull)
        if progress is not None:
            progress(min(1.0, 1 - (deadline - time.monotonic()) / seconds))
        if not np.isfinite(value) or value == last:
            break
        last = value
    found = theta.detach()
    path = DescentPath(
        steps=steps,
        objective_before=first,
        objective_after=_objective(minimum, found, penalty),
        gradient_share_before=before,
        gradient_share_after=share,
        distance=float((found - start).norm()),
        converged=share is not None and share < CONVERGED,
    )
    return found, path


def _penalty(minimum: Minimum) -> Tensor:
    shapes = {name: place.shape for name, place in minimum.places.items()}
    return minimum.objective.penalty.of(shapes, minimum.theta)


def _parts(minimum: Minimum) -> Any:
    rows = rows_in_cache(minimum.inputs)
    return zip(minimum.inputs.split(rows), minimum.targets.split(rows), strict=True)


def _backward(minimum: Minimum, theta: Tensor, penalty: Tensor) -> Tensor:
    """The objective at θ; its gradient is in `theta.grad`."""
    decay = 0.5 * (penalty * theta**2).sum()
    decay.backward()
    total = decay.detach()
    for inputs, targets in _parts(minimum):
        logits = as_matrix(minimum.logits(theta, inputs))
        loss = minimum.loss.values(logits, targets).sum() / minimum.n
        loss.backward()
        total = total + loss.detach()
    return total


def _objective(minimum: Minimum, theta: Tensor, penalty: Tensor) -> float:
    total = float(0.5 * (penalty * theta**2).sum())
    with torch.no_grad():
        for inputs, targets in _parts(minimum):
            logits = as_matrix(minimum.logits(theta, inputs))
            total += float(minimum.loss.values(logits, targets).sum()) / minimum.n
    return total


def file_places(checkpoint: Checkpoint, architecture: dict[str, Any] | None) -> Tensor:
    """Where each trained parameter (p,) lies in the file's numbers, one tensor after another.

    Found by building the network from numbers that say their own place, so that whatever intake
    does to names, order and shapes is undone. Raises ProblemError cannot_descend for files whose
    weights are more than their numbers: programs, shared, frozen or pruned ones.
    """
    bound = (checkpoint.graph, checkpoint.config, checkpoint.tied, checkpoint.frozen)
    if any(bound) or checkpoint.masks:
        raise ProblemError(
            "cannot_descend",
            "This file holds a program, or weights that are shared, frozen or pruned: other "
            "weights cannot be written into it.",
            "Send the state dict of a network whose architecture can be told.",
        )
    done = 1
    coded: dict[str, Tensor] = {}
    for name, tensor in checkpoint.tensors.items():
        count = tensor.numel()
        code = torch.arange(done, done + count, dtype=torch.float64).reshape(tensor.shape)
        coded[name] = code if tensor.is_floating_point() else tensor
        done += count
    network = build_network(replace(checkpoint, tensors=coded), architecture)
    return _codes(network)


def _codes(network: nn.Module) -> Tensor:
    flat = [q.detach().double().reshape(-1) for q in network.parameters() if q.requires_grad]
    return torch.cat(flat).long() - 1


def written(opened: Opened, places: Tensor, theta: Tensor) -> bytes:
    """The file's tensors by their names in its order, those trained in float64."""
    tensors = opened.checkpoint.tensors
    flat = torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors.values()])
    flat[places] = theta.double().cpu()
    parts = flat.split([tensor.numel() for tensor in tensors.values()])
    moved = {
        name: part.reshape(tensor.shape).clone() if tensor.is_floating_point() else tensor
        for (name, tensor), part in zip(tensors.items(), parts, strict=True)
    }
    file = io.BytesIO()
    torch.save(moved, file)
    return file.getvalue()
