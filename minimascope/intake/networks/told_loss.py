"""The loss that was told, for the outputs and targets there are."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.objective.loss import Loss
from minimascope.objective.named import loss_named

IGNORED = -100  # torch's default: losses of classes count nothing for it


def ignored_labels(asked: ObjectiveParameters) -> set[int]:
    """The labels that count for nothing, where targets are classes."""
    return {IGNORED} if asked.ignore_index is None else {IGNORED, asked.ignore_index}


def told_loss(asked: ObjectiveParameters, targets: Tensor, outputs: int) -> tuple[Loss, list[str]]:
    """The loss for so many outputs, not yet normalised for the data, and what was made of it.

    `binary` with a 0 or 1 for each of several outputs is `multilabel`. Raises ProblemError
    invalid_parameters where weights do not fit the outputs.
    """
    name, said = asked.loss, list[str]()
    several = outputs > 1 and targets.ndim == 2
    if several and loss_named(name).classes(outputs) == 2 and not loss_named(name).fits(outputs):
        name = "multilabel"
        said = [
            f"The targets are {outputs} labels an example: the loss is that of several labels, "
            "the mean over examples and labels."
        ]
    try:
        loss = loss_named(name, **_options(asked, loss_named(name)))
        loss.check_outputs(outputs)
    except ValueError as error:
        raise ProblemError("invalid_parameters", str(error)) from error
    return loss, said


def _options(asked: ObjectiveParameters, loss: Loss) -> dict[str, Any]:
    """What was told of the loss, as its fields take it."""
    options: dict[str, Any] = {}
    if asked.label_smoothing:
        options["label_smoothing"] = asked.label_smoothing
    if asked.class_weights is not None:
        options["class_weights"] = tuple(asked.class_weights)
    if asked.pos_weight is not None:
        options["pos_weight"] = _of_positives(tuple(asked.pos_weight), loss)
    return options


def _of_positives(weights: tuple[float, ...], loss: Loss) -> float | tuple[float, ...]:
    if not loss.classifies:
        return weights
    if len(weights) != 1:
        raise ValueError(f"{len(weights)} weights of positives came for a network of one output.")
    return weights[0]
