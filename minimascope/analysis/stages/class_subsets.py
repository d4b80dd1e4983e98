"""Complexity and restricted Hessian for every class and every pair of classes."""

from __future__ import annotations

from torch import Tensor

from minimascope.analysis.costs.boundary import MOST_CLASSES
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.hessians import outlier_counts, trace_estimate
from minimascope.boundary.complexity import Complexity
from minimascope.boundary.subsets import (
    SubsetHessian,
    classes_and_pairs,
    subset_complexity,
    subset_hessian,
)
from minimascope.contract.report import ClassSubset

MOST_HESSIANS = 15  # classes and pairs up to five classes; beyond, classes only


def subset_sections(
    session: Session, matrix: Tensor, *, epsilon: float, hessians: bool
) -> list[ClassSubset]:
    """One section a class and a pair with training points, for alignments (r, n) at ε.

    `hessians`: with those of the classes, and of the pairs where these are few.
    """
    minimum = session.opened.minimum
    if (session.report.data.classes or 0) > MOST_CLASSES:
        return []
    subsets = classes_and_pairs(minimum)
    sections: list[ClassSubset] = []
    for index, classes in enumerate(subsets):
        done = 0.2 + 0.2 * index / len(subsets)
        session.progress(done, f"Complexity of classes {', '.join(map(str, classes))}")
        found = subset_complexity(minimum, matrix, classes, epsilon=epsilon)
        if found is None:
            continue
        wanted = hessians and (len(classes) == 1 or len(subsets) <= MOST_HESSIANS)
        curvature = None
        if wanted:
            curvature = subset_hessian(minimum, classes, seed=session.parameters.seed)
        points = sum(int((minimum.labels == label).sum()) for label in classes)
        sections.append(subset_section(classes, points, found, curvature))
    return sections


def subset_section(
    classes: tuple[int, ...], points: int, found: Complexity, curvature: SubsetHessian | None
) -> ClassSubset:
    hessian: dict[str, object] = {}
    if curvature is not None:
        hessian = {
            "eigenvalues": curvature.eigenvalues,
            "converged": curvature.converged,
            "trace": None if curvature.trace is None else trace_estimate(curvature),
            "outliers": outlier_counts(curvature.by_ratio, curvature.by_gap),
        }
    return ClassSubset.of(
        found,
        classes=list(classes),
        n=points,
        count=found.count_at_epsilon,
        g=found.g_at_epsilon,
        **hessian,
    )
