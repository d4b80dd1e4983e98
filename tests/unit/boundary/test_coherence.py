"""Coherence of per-example gradients and mean alignments of classes."""

from __future__ import annotations

import pytest
import torch

from minimascope.boundary.alignment import align
from minimascope.boundary.coherence import class_alignment, gradient_coherence
from tests.cases.boundary_networks import linear_minimum, regression_minimum, top_vectors
from tests.cases.reference_networks import boundary_minimum


def test_gradients_across_a_two_class_boundary_are_opposite() -> None:
    # One-feature logistic pair: g ∝ ±(−x, x, −1, 1), so nearby points of two classes have
    # cosine −(x y + 1)/√((x² + 1)(y² + 1)).
    inputs = torch.tensor([[0.5], [-0.5], [1.0]])
    minimum = linear_minimum(torch.tensor([[-1.0], [1.0]]), torch.zeros(2), inputs)
    found = gradient_coherence(minimum, minimum.inputs)
    assert found.order.tolist() == [1, 0, 2]
    assert found.classes.tolist() == [0, 1, 1]
    expected = -(1 - 0.25) / 1.25
    assert float(found.cosines[0, 1]) == pytest.approx(expected, abs=1e-12)
    assert float(found.class_means[1, 1]) == pytest.approx(1.5 / (1.25 * 2) ** 0.5, abs=1e-12)
    assert found.class_means[0, 0].isnan()


def test_class_means_of_alignment_equal_the_reference() -> None:
    minimum, _, _, reference = boundary_minimum("gauss-normal")
    aligned = align(minimum, top_vectors("gauss-normal"), minimum.inputs)
    means = class_alignment(aligned.values, aligned.classes, 3)
    for label, expected in reference["class_mean_overlap_top5"].items():
        # Signs of eigenvectors are arbitrary; training accuracy is 100%, so classes are labels.
        assert means[:, int(label)].abs().tolist() == pytest.approx(
            [abs(value) for value in expected], abs=1e-6
        )


def test_regression_is_refused() -> None:
    minimum = regression_minimum()
    with pytest.raises(ValueError, match="no decision boundary"):
        gradient_coherence(minimum, minimum.inputs)
