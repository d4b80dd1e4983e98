"""The criterion of a script: a loss with a name and its options, or any mean or sum over examples.

A sum over a batch is a mean times what it is a sum of: the same minimum, with weight decay and
learning rate in other units. `per_step` is that factor; `optimizer` divides by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from minimascope.contract.objective import LossName, TorchLossName
from minimascope.intake.networks.told_loss import of_positions
from minimascope.objective.criterion import Criterion
from minimascope.objective.tokens import TokenCrossEntropy
from minimascope.training.refusals import criterion_unusable, first_line, named

Fields = dict[str, Any]
PROBED = 5
AGREES = 1e-4  # relative: criteria may be float32 within
_FUNCTIONS: dict[Callable[..., Any], TorchLossName] = {
    functional.cross_entropy: "CrossEntropyLoss",
    functional.nll_loss: "NLLLoss",
    functional.mse_loss: "MSELoss",
    functional.binary_cross_entropy: "BCELoss",
    functional.binary_cross_entropy_with_logits: "BCEWithLogitsLoss",
}


@dataclass(frozen=True)
class Told:
    """What the criterion says: fields of Parameters, or a loss of its own.

    summed: the criterion is a sum over the batch, whose terms are each this many per example;
    None for a mean. function: a criterion without a name.
    """

    fields: Fields = field(default_factory=dict)
    summed: float | None = None
    function: Callable[[Any, Any], Any] | None = None
    said: list[str] = field(default_factory=list)


def told_by(criterion: Any, outputs: Tensor, targets: Tensor) -> Told:
    """What is minimised. outputs and targets are those of a few examples.

    Raises ProblemError criterion_unusable.
    """
    if criterion is None:
        return _guessed(outputs, targets)
    if isinstance(criterion, str):
        return _of_name(criterion)
    if not callable(criterion):
        raise criterion_unusable(
            f"The criterion is a {named(criterion)}.",
            "Give a loss of torch, its name, or a function of outputs and targets.",
        )
    if getattr(criterion, "reduction", "mean") == "none":
        raise criterion_unusable(
            f"{named(criterion)} has reduction='none', so nothing says what is minimised.",
            "Give it with reduction='mean', or a function that averages over examples.",
        )
    if criterion in _FUNCTIONS:
        return Told({"loss": _FUNCTIONS[criterion]}, said=_broadcast(outputs, targets, criterion))
    known = type(criterion) in (nn.CrossEntropyLoss, nn.NLLLoss, nn.MSELoss, nn.BCELoss)
    if known or type(criterion) is nn.BCEWithLogitsLoss:
        return _of_module(criterion, outputs, targets)
    return _of_function(criterion, outputs, targets)


def _guessed(outputs: Tensor, targets: Tensor) -> Told:
    """The usual loss of such targets, and that it was guessed."""
    width = outputs[0].numel()
    name = "MSELoss"
    if of_positions(targets, outputs.shape[1:]):
        name = "CrossEntropyLoss"
    elif not targets.is_floating_point() and targets.ndim == 1:
        name = "CrossEntropyLoss" if width > 1 else "BCEWithLogitsLoss"
    said = f"No criterion was given: {name} was assumed, by the targets' kind."
    return Told({"loss": name}, said=[said])


def _of_name(name: str) -> Told:
    known = [*get_args(LossName), *get_args(TorchLossName)]
    if name not in known:
        raise criterion_unusable(f"There is no loss {name!r:.60}.", f"Known: {', '.join(known)}.")
    return Told({"loss": name})


def _of_module(criterion: Any, outputs: Tensor, targets: Tensor) -> Told:
    fields: Fields = {"loss": type(criterion).__name__}
    if criterion.reduction not in ("mean", "sum"):
        raise criterion_unusable(f"reduction = {criterion.reduction!r:.40} is no reduction.")
    weights = getattr(criterion, "weight", None)
    said = _broadcast(outputs, targets, criterion)
    if isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss)):
        fields["ignore_index"] = None if criterion.ignore_index == -100 else criterion.ignore_index
        fields["label_smoothing"] = float(getattr(criterion, "label_smoothing", 0.0))
        fields["class_weights"] = None if weights is None else weights.detach().cpu().tolist()
    elif weights is not None:
        raise criterion_unusable(
            f"{named(criterion)} has a weight for each element of a batch.",
            "Give the weights of positives as pos_weight, or a function.",
        )
    positives = getattr(criterion, "pos_weight", None)
    if positives is not None:
        fields["pos_weight"] = positives.detach().cpu().reshape(-1).tolist()
    if criterion.reduction == "mean":
        return Told(fields, said=said)
    averaged = isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss))
    terms = 1.0 if averaged else float(outputs[0].numel())
    if weights is not None and targets.ndim == 1:
        terms = float(weights.detach().cpu().double()[targets.long()].mean())
    return Told(fields, terms, said=[*said, _sum_sentence(named(criterion))])


def _sum_sentence(name: str) -> str:
    return (
        f"{name} sums over a batch: losses here are means over examples, and weight decay and "
        "learning rate were put into their units."
    )


def _broadcast(outputs: Tensor, targets: Tensor, criterion: Any) -> list[str]:
    """torch compares outputs (n, 1) with targets (n,) n × n times; here each with its own."""
    squares = isinstance(criterion, nn.MSELoss) or criterion is functional.mse_loss
    if not squares or {outputs.ndim, targets.ndim} != {1, 2}:
        return []
    return [
        f"Outputs of shape (n, {outputs[0].numel()}) and targets of shape (n,) are compared "
        "n × n times by MSELoss; here each output is compared with its own target. Was training "
        "meant to do so? Give targets the outputs' shape."
        if outputs.ndim == 2
        else "Outputs of shape (n,) were compared with targets of shape (n, 1) by MSELoss n × n "
        "times; here each with its own target."
    ]


def _of_function(criterion: Any, outputs: Tensor, targets: Tensor) -> Told:
    """A mean or a sum of what it is of one example. Outputs are the network's, as the script's."""
    name = str(getattr(criterion, "__name__", named(criterion)))[:60]
    if _is_of_positions(criterion, outputs, targets):
        said = f"{name} is the mean cross-entropy of all positions, by its value and gradient."
        return Told({"loss": "cross_entropy"}, said=[said])
    classes = _classes(outputs, targets)
    loss = Criterion(criterion, tuple(outputs.shape[1:]), classes)
    whole, each = _values(criterion, loss, outputs, targets, name)
    mean, total = float(each.mean()), float(each.sum())
    if _near(whole, mean):
        summed = None
    elif _near(whole, total):
        summed = 1.0
    else:
        raise criterion_unusable(
            f"{name} of {len(each)} examples is {whole:.4g}, neither the mean ({mean:.4g}) nor the "
            f"sum ({total:.4g}) of what it is of each.",
            "Losses between examples of a batch have no minimum of examples to look into.",
        )
    said = [
        f"{name} is a function of your own: spectrum, margins and alignment are exact through "
        "autograd; leave-one-out, soft rank, TIC and the headline need a likelihood."
    ]
    said += [_sum_sentence(name)] * (summed is not None)
    return Told({}, summed, criterion, said)


def _is_of_positions(criterion: Any, outputs: Tensor, targets: Tensor) -> bool:
    """Whether it is what flattening sequences and cross_entropy give, value and gradient."""
    if not of_positions(targets, outputs.shape[1:]) or outputs.shape[1] != targets.shape[1]:
        return False
    logits = outputs.detach().double().requires_grad_()
    try:
        value = criterion(logits, targets)
        (slope,) = torch.autograd.grad(value, logits)
        loss = TokenCrossEntropy().of_data(targets)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
        return False
    flat = logits.detach().flatten(1)
    expected = loss.residual(flat, targets).reshape(slope.shape) / len(targets)
    same = _near(float(value.detach()), float(loss.mean(flat, targets)))
    return same and bool((slope - expected).norm() <= AGREES * expected.norm())


def _values(
    criterion: Any, loss: Criterion, outputs: Tensor, targets: Tensor, name: str
) -> tuple[float, Tensor]:
    try:
        found = criterion(outputs, targets)
    except Exception as error:
        raise criterion_unusable(
            f"{name} cannot be applied to outputs {list(outputs.shape)} and targets "
            f"{list(targets.shape)} of kind {str(targets.dtype).removeprefix('torch.')}: "
            f"{first_line(error)}.",
            "Is it the criterion of these targets?",
        ) from error
    if not isinstance(found, Tensor) or found.numel() != 1:
        shape = list(found.shape) if isinstance(found, Tensor) else named(found)
        raise criterion_unusable(
            f"{name} gives {shape} for {len(outputs)} examples; one number is needed.",
            "Average over examples, as reduction='mean' does.",
        )
    try:
        return float(found), loss.values(outputs.flatten(1), targets).detach()
    except Exception as error:
        raise criterion_unusable(
            f"{name} cannot be taken apart into examples: {first_line(error)}.",
            "It needs to be made of torch's operations, without branches on values.",
        ) from error


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= AGREES * (abs(one) + abs(other)) / 2 + 1e-12


def _classes(outputs: Tensor, targets: Tensor) -> int | None:
    """Classes that outputs tell apart, where targets are their numbers."""
    if outputs.ndim != 2 or outputs.shape[1] < 2 or targets.ndim != 1:
        return None
    if targets.is_floating_point() or int(targets.min()) < 0:
        return None
    return outputs.shape[1] if int(targets.max()) < outputs.shape[1] else None


def function_of(told: Told, outputs: Tensor, targets: Tensor) -> Criterion | None:
    """The loss of a criterion without a name, for the outputs and targets of all examples."""
    if told.function is None:
        return None
    return Criterion(told.function, tuple(outputs.shape[1:]), _classes(outputs, targets))


def few(outputs: Tensor) -> Tensor:
    """Rows to try a criterion on, of those with outputs: of language models two are known."""
    return torch.arange(min(PROBED, len(outputs)))
