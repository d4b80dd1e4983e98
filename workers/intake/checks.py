"""Do network and data belong together? Asked once, before anything is computed."""

from __future__ import annotations

import hashlib
from typing import Literal

import torch
from torch import Tensor, nn

from minimascope.problems import ProblemError
from workers.intake.data import Dataset

PROBED = 256
SCARCE = 0.05
NUMBERS_COMPARED = 50_000_000

Loss = Literal["cross_entropy", "binary", "mse"]


def _first_weight(network: nn.Module) -> Tensor:
    return next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))


def _outputs(network: nn.Module, inputs: Tensor, which: str) -> Tensor:
    """Outputs on the first examples. Raises ProblemError where they cannot be computed."""
    weight = _first_weight(network)
    batch = inputs[:PROBED]
    batch = batch.to(weight.dtype) if batch.is_floating_point() else batch
    try:
        with torch.no_grad():
            outputs = network.eval()(batch.to(weight.device))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise _shape_problem(network, inputs, which) from error
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
    return outputs


def _shape_problem(network: nn.Module, inputs: Tensor, which: str) -> ProblemError:
    """Says what the first layer expects, where it can be read off."""
    given = list(inputs.shape[1:])
    for module in network.modules():
        if isinstance(module, nn.Linear):
            wanted = f"{module.in_features} numbers an example (Linear)"
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            wanted = f"{module.in_channels} channels first ({type(module).__name__})"
        else:
            continue
        break
    else:
        wanted = "another shape"
    return ProblemError(
        "input_shape_mismatch",
        f"The {which} examples have shape {given}, but the network's first layer expects {wanted}.",
        "Send the inputs as they went into the network in training.",
    )


def _check_labels(targets: Tensor, classes: int, which: str) -> None:
    outside = torch.nonzero((targets < 0) | (targets >= classes))
    if len(outside):
        place = int(outside[0])
        raise ProblemError(
            "labels_out_of_range",
            f"Label y[{place}] = {int(targets[place])} of the {which} data is outside 0 … "
            f"{classes - 1}: the network has {classes} classes ({len(outside)} such labels).",
            "Number the classes from 0 as in training.",
        )


def _check_targets(data: Dataset, outputs: Tensor, loss: Loss, which: str) -> None:
    """Raises ProblemError where targets and outputs do not fit the loss."""
    targets = data.for_loss(loss).targets
    width = outputs.flatten(1).shape[1]
    if loss == "mse":
        if targets.shape[1] != width:
            raise ProblemError(
                "output_shape_mismatch",
                f"The {which} targets have {targets.shape[1]} numbers an example, the network "
                f"gives {width}.",
                "Send targets as n × K numbers.",
            )
        return
    if outputs.ndim != 2 or (loss == "binary") != (width == 1):
        raise ProblemError(
            "output_shape_mismatch",
            f"The network's outputs have shape {list(outputs.shape[1:])} an example, which does "
            f"not fit the loss {loss}.",
            "cross_entropy needs K ≥ 2 logits an example, binary one.",
        )
    _check_labels(targets, 2 if loss == "binary" else width, which)


def _digests(data: Dataset) -> set[bytes]:
    rows = data.inputs.detach().contiguous().flatten(1).double().numpy()
    return {hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows}


def _balance(data: Dataset, classes: int) -> list[str]:
    counts = torch.bincount(data.for_loss("cross_entropy").targets, minlength=classes)
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
        said.append(f"{len(train.inputs) - len(seen)} training examples repeat others.")
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
        outputs = _outputs(network, data.inputs, which)
        _check_targets(data, outputs, loss, which)
        if which == "training" and loss != "mse":
            warnings += _balance(data, 2 if loss == "binary" else outputs.shape[1])
    return warnings + _duplicates(train, test)
