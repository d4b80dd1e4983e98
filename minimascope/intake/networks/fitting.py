"""Network, data and the objective told, made to fit: logits, targets as the loss takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from minimascope.contract.objective import Link, ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.as_trained import in_axes, in_scale
from minimascope.intake.networks.checks import check_pair, probed
from minimascope.intake.networks.one_by_one import check_positions
from minimascope.intake.networks.output_link import as_logits, followed_by
from minimascope.intake.networks.several import by_number
from minimascope.intake.networks.told_loss import classes_first, ignored_labels, told_loss
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.loss import Loss
from minimascope.objective.weighted import Weighted, with_weights


@dataclass(frozen=True)
class Fitted:
    """A network of logits and the loss of each example, with data whose targets are the loss's.

    `link`: what the network's outputs were before they were made logits.
    """

    network: nn.Module
    loss: Loss
    train: Dataset
    test: Dataset | None
    warnings: list[str]
    link: Link = "logits"


def fitted(
    network: nn.Module,
    train: Dataset,
    test: Dataset | None,
    asked: ObjectiveParameters,
    *,
    loss: Loss | None = None,
) -> Fitted:
    """All of it checked once. `loss`: one that `asked` has no name for.

    Raises ProblemError: those of `check_pair`, and invalid_parameters, link_mismatch,
    example_weights_invalid where what was told cannot be.
    """
    train, test = by_number(network, train, test)
    train, test = in_axes(network, train), test and in_axes(network, test)
    probe, outputs = probed(network, train.inputs, "training")
    said = list[str]()
    check_positions(outputs, train.targets)
    if loss is None:
        loss, said = told_loss(asked, train.targets, outputs.shape[1:])
    if loss.reads == "class_or_shares":
        train = train.counted(ignored_labels(asked))
        test = test and test.counted(ignored_labels(asked))
    train, test = train.for_loss(loss), test and test.for_loss(loss)
    if loss.reads == "labels_of_positions" and classes_first(train.targets, outputs.shape[1:]):
        network = followed_by(network, PositionsFirst())
    if train.bytes:
        train, test = in_scale(network, train, test, loss)
        probe, outputs = probed(network, train.inputs, "training")
    logits = as_logits(network, probe, outputs, asked.link, loss)
    said += [*logits.said, *_notes(asked, loss, train)]
    said += check_pair(logits.network, train, test, loss=loss)
    _check_counts(loss, train.targets)
    found = Fitted(logits.network, loss, train, test, said, logits.link)
    return found if asked.example_weights is None else _with_weights(found, asked.example_weights)


class PositionsFirst(nn.Module):
    """Logits (n, K, T) as (n, T, K)."""

    @override
    def forward(self, logits: Tensor) -> Tensor:
        return logits.transpose(1, 2)


def _with_weights(found: Fitted, name: str) -> Fitted:
    """The same with the weight of each example before its target, in the loss and in the data."""
    train, test, said = found.train, found.test, found.warnings
    if test is not None and name not in test.aside:
        ones = torch.ones(len(test.targets), dtype=torch.float64)
        test = replace(test, aside={**test.aside, name: ones})
        said = [*said, f"The test data have no {name!r}: each of their examples weighs 1."]
    if test is not None and test.targets.ndim < train.targets.ndim:  # soft labels to train with
        rows = functional.one_hot(test.targets, train.targets.shape[1]).to(train.targets)
        test = replace(test, targets=rows)
    loss = Weighted(found.loss, "labels" if train.targets.ndim == 1 else "rows")
    test = test and _weighted(test, name)
    return replace(found, loss=loss, train=_weighted(train, name), test=test, warnings=said)


def _weighted(data: Dataset, name: str) -> Dataset:
    """Targets behind the weight of their example."""
    if name not in data.aside:
        raise ProblemError(
            "example_weights_invalid",
            f"The training data have no column or array {name[:60]!r} of weights.",
            "Name one that holds a number for each example.",
        )
    try:
        return replace(data, targets=with_weights(data.targets, data.aside[name]))
    except ValueError as error:
        raise ProblemError("example_weights_invalid", f"{error}") from error


def _check_counts(loss: Loss, targets: Tensor) -> None:
    """Raises ProblemError where the weights of the loss leave no example that counts."""
    try:
        loss.of_data(targets)
    except ValueError as error:
        raise ProblemError("invalid_parameters", str(error)) from error


def _notes(asked: ObjectiveParameters, loss: Loss, train: Dataset) -> list[str]:
    """What the losses told are, where people mean another by the same name."""
    said = []
    if asked.label_smoothing and train.targets.ndim == 2:
        said.append("Soft labels were smoothed too, as torch's CrossEntropyLoss smooths them.")
    outputs = train.targets.shape[1] if train.targets.ndim == 2 else 1
    if loss == Gaussian() and asked.weight_decay and outputs != 2:
        said.append(
            "The loss mse is ½‖f − y‖². nn.MSELoss is the mean of squares: what it was trained "
            f"with as weight decay {asked.weight_decay:g} is {asked.weight_decay * outputs / 2:g} "
            "here. If that is so, choose the loss torch_mse."
        )
    return said
