"""The loss that was told, for the outputs and targets there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.loss import Loss
from minimascope.objective.named import loss_named
from minimascope.objective.tokens import IGNORED, TokenCrossEntropy


def ignored_labels(asked: ObjectiveParameters) -> set[int]:
    """The labels that count for nothing, where targets are classes."""
    return {IGNORED} if asked.ignore_index is None else {IGNORED, asked.ignore_index}


def told_loss(
    asked: ObjectiveParameters, targets: Tensor, shape: Sequence[int]
) -> tuple[Loss, list[str]]:
    """The loss for outputs of this shape an example, not yet normalised, and what was made of it.

    `binary` with a 0 or 1 for each of several outputs is `multilabel`, `cross_entropy` with a label
    for each position that of positions. Raises ProblemError invalid_parameters where weights do not
    fit the outputs.
    """
    name, said, outputs = asked.loss, list[str](), math.prod(shape)
    if loss_named(name).reads == "class_or_shares" and of_positions(targets, shape):
        return _of_positions(asked, targets, shape)
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


def of_positions(targets: Tensor, shape: Sequence[int]) -> bool:
    """Whether outputs are logits at the positions of a sequence, and targets a label for each."""
    if targets.ndim != 2 or len(shape) != 2 or targets.shape[1] not in shape:
        return False
    return bool((targets == targets.round()).all())


def classes_first(targets: Tensor, shape: Sequence[int]) -> bool:
    """Whether logits come as (n, K, T), as torch's losses take them, and not as (n, T, K).

    Where T = K, torch's order is meant.
    """
    return shape[1] == targets.shape[1]


def _of_positions(
    asked: ObjectiveParameters, targets: Tensor, shape: Sequence[int]
) -> tuple[Loss, list[str]]:
    T = targets.shape[1]
    classes = shape[0] if classes_first(targets, shape) else shape[1]
    try:
        each = CrossEntropy(**_options(asked, CrossEntropy()))
        each.check_outputs(classes)
    except ValueError as error:
        raise ProblemError("invalid_parameters", str(error)) from error
    said = [
        f"Each example is a sequence of {T} positions with a label each, of {classes} classes: the "
        "loss is the mean over all labels that count, and leave-one-out leaves out a sequence."
    ]
    if shape[0] == shape[1]:
        said.append(
            f"Outputs of shape (n, {T}, {T}) were read as torch's losses read them: classes before "
            "positions."
        )
    return TokenCrossEntropy(each, tuple(sorted(ignored_labels(asked)))), said


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
