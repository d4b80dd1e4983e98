"""Complexity and restricted Hessian for every class and every pair of classes."""

from __future__ import annotations

from torch import Tensor

from minimascope.analysis.costs.passes import row_seconds
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
from minimascope.curvature.minimum.minimum import Minimum

MOST_CLASSES = 10  # beyond, pairs are too many to read
MOST_HESSIANS = 15  # classes and pairs up to five classes; beyond, classes only
HESSIAN_WORK = 4e7  # n·p up to which vectors and products of a subset are soon done
# CPU seconds of all subsets' products. Convolutions of large images need more than n·p tells.
HESSIAN_SECONDS = 15.0
PASSES = 300.0  # over each example: some 50 products in its class


def subset_sections(session: Session, matrix: Tensor, *, epsilon: float) -> list[ClassSubset]:
    """One section a class and a pair with training points, for alignments (r, n) at ε."""
    minimum = session.opened.minimum
    if (session.report.data.classes or 0) > MOST_CLASSES:
        return []
    subsets = classes_and_pairs(minimum)
    affordable = hessian_seconds(minimum) is not None
    sections: list[ClassSubset] = []
    for index, classes in enumerate(subsets):
        done = 0.2 + 0.2 * index / len(subsets)
        session.progress(done, f"Complexity of classes {', '.join(map(str, classes))}")
        found = subset_complexity(minimum, matrix, classes, epsilon=epsilon)
        if found is None:
            continue
        wanted = affordable and (len(classes) == 1 or len(subsets) <= MOST_HESSIANS)
        curvature = None
        if wanted:
            curvature = subset_hessian(minimum, classes, seed=session.parameters.seed)
        points = sum(int((minimum.targets == label).sum()) for label in classes)
        sections.append(subset_section(classes, points, found, curvature))
    return sections


def hessian_seconds(minimum: Minimum) -> float | None:
    """CPU seconds of the subsets' Hessians, from counted work; None where they are left out."""
    seconds = PASSES * minimum.n * row_seconds(minimum)
    within = minimum.n * minimum.dim <= HESSIAN_WORK and seconds <= HESSIAN_SECONDS
    return seconds if within else None


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
