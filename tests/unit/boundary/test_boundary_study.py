"""The parts of the boundary study whose mistakes would not show in its figures."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from benchmarks.boundary.data import PROBLEMS, draw
from benchmarks.boundary.measures import study
from benchmarks.boundary.minima import rescaled, train
from benchmarks.boundary.picture import figure
from benchmarks.boundary_study import ordering


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_repeat_with_their_seed_and_hold_every_class(name: str) -> None:
    x, y = draw(name, 90, seed=0)
    assert x.shape == (90, 2)
    assert torch.equal(x, draw(name, 90, seed=0)[0])
    assert not torch.equal(x, draw(name, 90, seed=1)[0])
    assert y.unique().tolist() == list(range(int(y.max()) + 1))


def test_pairs_count_only_where_test_accuracy_tells_them_apart() -> None:
    def measured(accuracy: float, value: float) -> dict[str, float | None]:
        names = ("G", "n90", "lambda_1", "trace", "norm", "margin", "median_margin")
        return {
            "test_accuracy": accuracy,
            "eigenvector_margin": None,
            **dict.fromkeys(names, value),
        }

    rows = {"a": measured(0.9, 1.0), "b": measured(0.8, 2.0), "c": measured(0.895, 3.0)}
    found = ordering(rows, ("a", "b", "c"))
    # a–b right for measures that should fall with accuracy, b–c wrong; a–c is not resolved.
    assert found["G"] == (1, 2)
    assert found["margin"] == (1, 2)
    assert found["eigenvector_margin"] == (0, 0)


def test_rescaling_keeps_the_function_and_a_study_is_drawn() -> None:
    x, y = draw("gauss", 30, seed=0)
    minimum = train("normal", x, y, seed=0)
    other = rescaled(minimum, 4.0)
    # Powers of two: not even a rounding differs.
    assert torch.equal(minimum.network(x), other.network(x))
    assert not torch.allclose(minimum.theta, other.theta)
    measured = study(minimum, draw("gauss", 60, seed=1))
    drawn = ElementTree.fromstring(
        figure("gauss", {"normal": measured}, {"normal": (x.numpy(), y.numpy())})
    )
    assert len(drawn.findall("{*}image")) == 8
    assert len(drawn.findall("{*}circle")) == 30
    assert np.isfinite(measured.gap)
