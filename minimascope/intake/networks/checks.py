"""Do network and data belong together? Asked once, before anything is computed."""

from __future__ import annotations

import hashlib
import math
import time

import torch
from torch import Tensor, nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.input_shapes import check_sizes, shape_problem
from minimascope.intake.networks.one_by_one import check_alone
from minimascope.intake.networks.program import Program
from minimascope.intake.values.dataset import Dataset
from minimascope.objective.loss import Loss

PROBED = 256
TIMED, LONGEST = 8, 0.3  # rows, and seconds of all
SCARCE = 0.05
NUMBERS_COMPARED = 50_000_000
LOGITS = 2**25  # of all positions of the examples probed


def _first_weight(network: nn.Module) -> Tensor:
    return next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))


def probed(network: nn.Module, inputs: Tensor, which: str) -> tuple[Tensor, Tensor]:
    """The first examples and the outputs there. ProblemError where they cannot be computed."""
    weight = _first_weight(network)
    check_sizes(network, inputs, which)
    batch = inputs[: _probed_rows(network, inputs)]
    batch = batch.to(weight.dtype) if batch.is_floating_point() else batch
    batch = batch.to(weight.device)
    try:
        with torch.no_grad():
            network.eval()
            batch = batch[: _soon_done(network, batch)]
            outputs = network(batch)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise shape_problem(network, inputs, which, error) from error
    if not isinstance(outputs, Tensor) or outputs.ndim < 1 or len(outputs) != len(batch):
        raise ProblemError(
            "output_shape_mismatch",
            f"The network does not give one output row for each of {len(batch)} {which} examples.",
            "It must map n × ... inputs to n × K outputs.",
        )
    if not bool(torch.isfinite(outputs).all()):
        raise ProblemError(
            "outputs_not_finite",
            f"The network's outputs on the {which} data hold NaN or infinite values.",
            "Check that the data are scaled as in training.",
        )
    check_alone(network, batch, outputs, which)
    return batch, outputs


def _soon_done(network: nn.Module, batch: Tensor) -> int:
    """How many rows: all, or of a large network as many as take a moment."""
    if isinstance(network, Program) or len(batch) <= TIMED:
        return len(batch)
    began = time.perf_counter()
    network(batch[:TIMED])
    taken = time.perf_counter() - began
    return min(len(batch), max(TIMED, int(TIMED * LONGEST / taken)))


def _probed_rows(network: nn.Module, inputs: Tensor) -> int:
    """PROBED; of texts as many as a language model has logits for at once."""
    if inputs.is_floating_point() or inputs.ndim < 2:
        return PROBED
    widths = [each.out_features for each in network.modules() if isinstance(each, nn.Linear)]
    return max(2, min(PROBED, LOGITS // (max(widths, default=1) * inputs.shape[-1])))


def _outside_advice(targets: Tensor, classes: int) -> str:
    """What to do about labels outside 0 … K−1, from what they look like."""
    low, high = int(targets.min()), int(targets.max())
    if (low, high) == (1, classes):
        return "The labels run from 1 to K; torch counts from 0: send y - 1."
    strange = targets[(targets < 0) | (targets >= classes)].unique()
    if len(strange) == 1 and int(strange[0]) in (-1, -100, 255):
        return (
            f"If {int(strange[0])} marks examples without a label, say --ignore-index "
            f"{int(strange[0])}, or leave those out."
        )
    return "Number the classes from 0 as in training."


def _check_labels(data: Dataset, targets: Tensor, classes: int, which: str) -> None:
    if data.columns not in (None, classes):
        raise ProblemError(
            "labels_out_of_range",
            f"The one-hot targets of the {which} data have {data.columns} columns, but the network "
            f"has {classes} classes.",
            "Send the class numbers the network was trained with.",
        )
    outside = torch.nonzero((targets < 0) | (targets >= classes))
    if len(outside):
        place = int(outside[0])
        texts = f", numbered from {len(data.names)} different texts," if data.names else ""
        raise ProblemError(
            "labels_out_of_range",
            f"Label y[{place}] = {int(targets[place])}{texts} of the {which} data is outside 0 … "
            f"{classes - 1}: the network has {classes} classes ({len(outside)} such labels).",
            _outside_advice(targets, classes),
        )


def _check_targets(data: Dataset, outputs: Tensor, loss: Loss, which: str) -> None:
    """Raises ProblemError where targets and outputs do not fit the loss."""
    if loss.reads == "anything":
        return
    data = data.for_loss(loss)
    targets, width = data.targets, math.prod(outputs.shape[1:])
    if loss.reads == "labels_of_positions":
        _check_positions(targets, outputs, loss, which)
        return
    classes = loss.classes(width)
    if classes is None:
        if targets.shape[1] != width:
            raise ProblemError(
                "output_shape_mismatch",
                f"The {which} targets have {targets.shape[1]} numbers an example, the network "
                f"gives {width}.",
                "Send targets as n × K numbers.",
            )
        if loss.reads == "shares":
            _check_shares(targets, which)
        return
    if outputs.ndim > 2 or not loss.fits(width):
        raise ProblemError(
            "output_shape_mismatch",
            f"The network's outputs have shape {list(outputs.shape[1:])} an example, which does "
            f"not fit the loss {loss.name}.",
            "cross_entropy needs K ≥ 2 logits an example, binary one.",
        )
    if targets.ndim == 2:
        _check_soft_labels(targets, classes, which)
    else:
        _check_labels(data, targets, classes, which)


def _check_positions(targets: Tensor, outputs: Tensor, loss: Loss, which: str) -> None:
    if outputs.ndim != 3 or targets.shape[1] not in outputs.shape[1:]:
        raise ProblemError(
            "output_shape_mismatch",
            f"The {which} targets have {targets.shape[1]} labels a sequence, the network gives "
            f"outputs of shape {list(outputs.shape[1:])}.",
            "Send one label for each position of the network's outputs.",
        )
    try:
        loss.check_targets(torch.empty(len(targets), outputs[0].numel(), device="meta"), targets)
    except ValueError as error:
        raise ProblemError(
            "labels_out_of_range",
            f"{str(error).removesuffix('.')} in the {which} data.",
            "Labels that count for nothing are -100, or say --ignore-index.",
        ) from error


def _check_soft_labels(targets: Tensor, classes: int, which: str) -> None:
    if targets.shape[1] != classes:
        raise ProblemError(
            "labels_out_of_range",
            f"The soft labels of the {which} data are shares of {targets.shape[1]} classes, but "
            f"the network has {classes}.",
            "Send a share of every class the network was trained with.",
        )


def _check_shares(targets: Tensor, which: str) -> None:
    outside = torch.nonzero((targets < 0) | (targets > 1))
    if len(outside):
        row, column = outside[0].tolist()
        raise ProblemError(
            "labels_out_of_range",
            f"Label y[{row}, {column}] = {targets[row, column].item():g} of the {which} data is "
            f"outside 0 … 1 ({len(outside)} such labels).",
            "multilabel needs 0 or 1 for every output of an example.",
        )


def _digests(data: Dataset) -> set[bytes]:
    rows = data.inputs.detach().contiguous().flatten(1).double().numpy()
    return {hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows}


def _balance(labels: Tensor, classes: int) -> list[str]:
    counts = torch.bincount(labels, minlength=classes)
    said = []
    missing = [str(k) for k in range(classes) if counts[k] == 0]
    if missing:
        said.append(f"No training example has class {', '.join(missing[:10])}.")
    present = counts[counts > 0]
    if len(present) > 1 and int(present.min()) < SCARCE * int(present.max()):
        said.append(
            f"The classes are unbalanced: {int(present.min())} to {int(present.max())} examples."
        )
    return said


def _duplicates(train: Dataset, test: Dataset | None) -> list[str]:
    if train.inputs.numel() + (test.inputs.numel() if test else 0) > NUMBERS_COMPARED:
        return ["Repeated examples were not looked for: the data are too large."]
    said = []
    seen = _digests(train)
    if len(seen) < len(train.inputs):
        again = len(train.inputs) - len(seen)
        said.append(
            "One training example repeats another."
            if again == 1
            else f"{again} training examples repeat others."
        )
    shared = len(seen & _digests(test)) if test is not None else 0
    if shared:
        said.append(
            f"{shared} different inputs are in both training and test data: the measured gap is "
            f"too small."
        )
    return said


def check_pair(
    network: nn.Module, train: Dataset, test: Dataset | None, *, loss: Loss
) -> list[str]:
    """Warnings (repeated examples, classes missing or scarce) about data that fit the network.

    The network is run on the first 256 examples of each split. Raises ProblemError:
    input_shape_mismatch, output_shape_mismatch, outputs_not_finite, labels_out_of_range,
    labels_not_integer.
    """
    warnings: list[str] = []
    for data, which in ((train, "training"), (test, "test")):
        if data is None:
            continue
        _, outputs = probed(network, data.inputs, which)
        _check_targets(data, outputs, loss, which)
        classes = loss.classes(math.prod(outputs.shape[1:]))
        if which == "training" and classes is not None:
            warnings += _balance(loss.labels(data.for_loss(loss).targets), classes)
    if test is not None and len(test.inputs) < 2:
        warnings.append("The test data have 1 example: a gap cannot be measured on fewer than 2.")
    return warnings + _duplicates(train, test)
