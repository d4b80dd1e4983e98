"""The data in a report: both splits, with what the network makes of them."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class SplitSummary(Section):
    """One data split: `loss` in nats per example, `accuracy` in [0, 1] (null for regression).

    `n` are the examples passed over; of a larger `total` they were drawn at random, and the errors
    are the standard errors of that. Null where all were passed over.
    """

    n: int
    loss: float
    accuracy: float | None
    total: int | None = None
    loss_error: float | None = None
    accuracy_error: float | None = None


class DataSummary(Section):
    train: SplitSummary
    test: SplitSummary | None
    classes: int | None
    input_shape: list[int] = []
    class_names: list[str] = []  # by number, where labels were texts
