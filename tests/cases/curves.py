"""A line between two minima, as the service answers it."""

from __future__ import annotations

from minimascope.contract.questions.interpolations import (
    Barrier,
    InterpolationCurve,
    SplitCurve,
)

SPLIT = SplitCurve(
    n=100,
    loss=[3.0, 0.1, 0.9, 0.2, None],
    loss_standard_error=[0.3, 0.01, 0.09, 0.02, None],
    accuracy=[0.4, 1.0, 0.7, 0.95, 0.5],
    accuracy_standard_error=[0.05, 0.0, 0.04, 0.02, 0.05],
    barrier=Barrier(value=0.75, standard_error=0.08, alpha=0.5),
)
CURVE = InterpolationCurve(
    alpha=[-0.25, 0, 0.5, 1, 1.25], train=SPLIT, statistics="recomputed", distance=12.3
)
