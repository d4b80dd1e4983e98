"""The loss of each example under a model that the user's training made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimascope.objective.loss import Loss
from minimascope.objective.named import loss_named
from minimascope.objective.objective import Objective
from minimascope.validation.digests import as_array
from minimascope.validation.examples import Examples
from minimascope.validation.folds import Ints
from minimascope.validation.refusals import losses_unusable
from minimascope.validation.result import Measured, check_finite
from minimascope.validation.statistics import Floats

Callback = Callable[[Any, Any], Any]
Given = str | Loss | Objective | Callback
REDUCED = "A mean over examples is no use here: each example's own loss is needed."
UNREDUCED = "Give reduction='none', and average over everything but the examples."


def loss_of(given: Given) -> Loss | Callback:
    """The loss by its name, of an objective, or (outputs, targets) → losses (m,).

    Raises ProblemError losses_unusable for an unknown name and a criterion that reduces.
    """
    if isinstance(given, str):
        try:
            return loss_named(given)
        except ValueError as error:
            raise losses_unusable(str(error)) from error
    if isinstance(given, Objective):
        return given.loss
    reduction = getattr(given, "reduction", "none")
    if reduction != "none":
        name = type(given).__name__
        raise losses_unusable(f"{name} has reduction={reduction!r}. {REDUCED}", UNREDUCED)
    if not callable(given) and not isinstance(given, Loss):
        raise losses_unusable(f"loss is a {type(given).__name__}, neither a name nor a function.")
    return given


def named(loss: Loss | Callback) -> str:
    """What the report calls it."""
    if isinstance(loss, Loss):
        return loss.name
    return str(getattr(loss, "__qualname__", type(loss).__name__))[:200]


def measured(
    model: Any, examples: Examples, indices: Ints, loss: Loss | Callback, *, batch_size: int
) -> Measured:
    """Loss of each example (m,), in evaluation mode and without a graph.

    Raises ProblemError losses_unusable where there is not one finite loss for each.
    """
    parts = [
        _of_batch(loss, outputs_of(model, X), y) for X, y in examples.batches(indices, batch_size)
    ]
    values = np.concatenate([part.losses for part in parts])
    check_finite(values, indices)
    right = [part.correct for part in parts if part.correct is not None]
    return Measured(values, np.concatenate(right) if right else None)


def _of_batch(loss: Loss | Callback, outputs: Any, y: Any) -> Measured:
    if isinstance(loss, Loss):
        return _known(loss, outputs, y)
    if isinstance(outputs, Tensor):
        y = torch.as_tensor(y).to(outputs.device)
    return Measured(_each(loss(outputs, y), len(y)))


def outputs_of(model: Any, X: Any) -> Any:
    """A network's outputs on its own device and dtype; a function gets the inputs as they are."""
    with torch.no_grad():
        if isinstance(model, nn.Module):
            found = _applied(model, X)
        elif callable(model):
            found = model(X)
        else:
            kind = type(model).__name__
            raise losses_unusable(
                f"fit returned a {kind}; a network, or a function from inputs to outputs, is "
                "needed."
            )
    return getattr(found, "logits", found)  # as Hugging Face's outputs have them


def _applied(network: nn.Module, X: Any) -> Any:
    inputs = X if isinstance(X, Tensor) else torch.as_tensor(X)
    weight = next((p for p in network.parameters() if p.is_floating_point()), None)
    if weight is not None:
        inputs = inputs.to(weight.device)
        inputs = inputs.to(weight.dtype) if inputs.is_floating_point() else inputs
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        return network(inputs)
    finally:
        for module, mode in modes:
            module.training = mode


def _known(loss: Loss, outputs: Any, y: Any) -> Measured:
    """In float64, so that rounding is the network's alone."""
    f = torch.as_tensor(outputs).detach().cpu().double()
    f = f.reshape(len(f), -1)
    targets = _targets(loss, torch.as_tensor(y).detach().cpu())
    try:
        loss.check_targets(f, targets)
    except ValueError as error:
        raise losses_unusable(str(error)) from error
    right = loss.correct(f, targets).numpy() if loss.judges else None
    return Measured(loss.values(f, targets).numpy(), right)


def _targets(loss: Loss, y: Tensor) -> Tensor:
    """Class numbers saved as floats, or in one column as BCEWithLogitsLoss has them, are taken."""
    if loss.classifies and y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    whole = y.ndim == 1 and loss.classifies and bool((y == y.round()).all())
    return y.double() if y.is_floating_point() and not whole else y.long()


def _each(found: Any, m: int) -> Floats:
    values = as_array(found)
    if values.shape in ((m,), (m, 1)):
        return values.reshape(-1).astype(np.float64)
    if values.ndim == 0:
        raise losses_unusable(f"The loss gave one number for {m} examples. {REDUCED}", UNREDUCED)
    shape = list(values.shape)
    raise losses_unusable(
        f"The loss gave values of shape {shape} for {m} examples; shape [{m}] is needed.", UNREDUCED
    )
