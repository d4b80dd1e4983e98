"""The same measures over the training points of one class, of a pair, of any subset of classes.

Complexity restricts the alignments to those points; the Hessian restricted to them is that of
their own mean loss, so it shows which top eigenvalues belong to which border
(docs/mathematics.md, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from minimascope.boundary.classification import require_classification
from minimascope.boundary.complexity import Complexity, complexity
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import single
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.eigenpairs import lanczos_pairs
from minimascope.curvature.spectrum.outliers import outliers_by_gap, outliers_by_ratio
from minimascope.curvature.spectrum.route import lanczos_room
from minimascope.curvature.spectrum.wanted import Wanted

TOP_SIX = Wanted(top_k=6, tolerance=1e-3)


@dataclass(frozen=True)
class SubsetHessian:
    """Top eigenvalues (k,) of the Hessian of the mean loss over a subset, and its outliers.

    by_ratio counts eigenvalues above q·λ₁ among the k, by_gap the largest ratio among them; trace
    with its standard error (None where exact), None where its products are not affordable.
    """

    eigenvalues: list[float]
    converged: bool
    by_ratio: int
    by_gap: int
    trace: float | None
    trace_standard_error: float | None


def members(minimum: Minimum, classes: Sequence[int]) -> Tensor:
    """Rows of the training points labelled with one of `classes`, (m,).

    Raises ValueError for regression and where there is no such point.
    """
    require_classification(minimum)
    wanted = torch.tensor(list(classes), device=minimum.labels.device)
    rows = torch.isin(minimum.labels, wanted).nonzero()[:, 0]
    if not len(rows):
        raise ValueError(f"No training point is labelled with any of the classes {list(classes)}.")
    return rows


def classes_and_pairs(minimum: Minimum) -> list[tuple[int, ...]]:
    """Every class that has training points, then every pair of them."""
    require_classification(minimum)
    present: list[int] = minimum.labels.unique().tolist()
    return [*((label,) for label in present), *combinations(present, 2)]


def subset_complexity(
    minimum: Minimum, alignment: Tensor, classes: Sequence[int], *, epsilon: float
) -> Complexity | None:
    """Complexity of alignments (r, n) over the points of `classes` only, at a shared ε.

    None where no such point has a gradient direction.
    """
    chosen = alignment[:, members(minimum, classes)]
    if bool(chosen[0].isnan().all()):
        return None
    return complexity(chosen, dim=minimum.dim, epsilon=epsilon, curve=[epsilon])


def subset_hessian(
    minimum: Minimum,
    classes: Sequence[int],
    wanted: Wanted = TOP_SIX,
    *,
    q: float = 0.1,
    seed: int = 0,
) -> SubsetHessian:
    """Lanczos on the Hessian of the mean loss over the points of `classes`: ~50 products."""
    # Six pairs to 1e-3 need no more digits than float32 has.
    operator = hessian(single(minimum.subset(members(minimum, classes))))
    wanted = replace(wanted, top_k=min(wanted.top_k, minimum.dim))
    # Nobody asks for residuals, so images would be kept for nothing.
    room = replace(lanczos_room(operator, wanted.top_k), images=0)
    pairs = lanczos_pairs(operator, wanted, room, run=Run(seed))
    return SubsetHessian(
        eigenvalues=pairs.values.tolist(),
        converged=pairs.settled,
        by_ratio=outliers_by_ratio(pairs.values, q=q),
        by_gap=outliers_by_gap(pairs.values, len(classes)),
        trace=pairs.trace,
        trace_standard_error=pairs.trace_standard_error,
    )
