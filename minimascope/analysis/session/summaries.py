"""Loss and accuracy of a split, of examples or of all positions of sequences."""

from __future__ import annotations

from torch import Tensor

from minimascope.contract.report import SplitSummary
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.positions import Positions
from minimascope.objective.loss import Loss


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


def positions_summary(found: Positions, targets: Tensor, total: int | None = None) -> SplitSummary:
    """As `split_summary`: the mean over labels that count, and the share of them that is right."""
    hits = ((found.likeliest == targets) & found.counted).sum(dim=1).double()
    labels = float(found.counted.sum()) / len(targets)
    return SplitSummary(
        n=len(targets),
        loss=float(found.values.mean()),
        accuracy=float(hits.mean()) / labels,
        total=total,
        loss_error=None if total is None else error_of_draw(found.values, total),
        accuracy_error=None if total is None else error_of_draw(hits / labels, total),
    )
