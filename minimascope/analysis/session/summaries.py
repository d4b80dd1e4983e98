"""Loss and accuracy of a split; of next tokens some sequences at a time.

All at once the logits of 32 sequences of 256 tokens and 50,257 words would be 3 GB.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.contract.report import SplitSummary
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.loss import Loss
from minimascope.objective.tokens import TokenCrossEntropy

LOGITS_AT_ONCE = 2**25


def split_summary(
    kind: Loss, outputs: Tensor, targets: Tensor, total: int | None = None
) -> SplitSummary:
    """Mean loss and accuracy of one split, from the network's outputs there.

    The loss is that of training, in nats an example and normalised for this split; the accuracy
    is of examples, or of all labels where an example has several. `total`: of the examples that
    these were drawn from.
    """
    logits, own = as_matrix(outputs), kind.of_data(targets)
    right = kind.correct(logits, targets).double() if kind.judges else None
    found = SplitSummary(
        n=len(logits),
        loss=float(own.mean(logits, targets)),
        accuracy=None if right is None else float(right.mean()),
    )
    if total is None:
        return found
    losses = error_of_draw(own.values(logits, targets).double(), total)
    shares = None if right is None else error_of_draw(right, total)
    errors = {"total": total, "loss_error": losses, "accuracy_error": shares}
    return found.model_copy(update=errors)


def error_of_draw(values: Tensor, total: int) -> float:
    """Standard error of the mean of (m, ...) values of examples drawn without replacement."""
    each = values.reshape(len(values), -1).mean(dim=1)
    left = max(0.0, 1 - len(each) / total)
    return float(each.std()) * (left / len(each)) ** 0.5 if len(each) > 1 else float("nan")


def positions_summary(
    minimum: Minimum,
    loss: TokenCrossEntropy,
    inputs: Tensor,
    targets: Tensor,
    total: int | None = None,
) -> SplitSummary:
    """As `split_summary`: the mean over labels that count, and the share of them that is right."""
    loss, counted = loss.of_data(targets), loss.counts(targets)
    losses: list[Tensor] = []
    right: list[Tensor] = []
    done, size = 0, 1
    while done < len(inputs):
        part = slice(done, done + size)
        with torch.no_grad():
            logits = minimum.network(inputs[part])
        losses.append(loss.values(logits.flatten(1), targets[part]).double())
        right.append(((logits.argmax(2) == targets[part]) & counted[part]).sum(dim=1))
        done += size
        size = max(1, LOGITS_AT_ONCE // logits[0].numel())
    values, hits = torch.cat(losses), torch.cat(right).double()
    labels = float(counted.sum()) / len(inputs)
    return SplitSummary(
        n=len(inputs),
        loss=float(values.mean()),
        accuracy=float(hits.mean()) / labels,
        total=total,
        loss_error=None if total is None else error_of_draw(values, total),
        accuracy_error=None if total is None else error_of_draw(hits / labels, total),
    )
