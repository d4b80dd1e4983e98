"""Sign flips of alignments against the reference grids (100×100, 0.5 beyond the data)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minimascope.boundary.flips import explained_share, flip_rates, sign_flips
from minimascope.boundary.planes import Frame
from minimascope.boundary.slices import Slice, input_plane
from minimascope.curvature.minimum.minimum import Minimum
from tests.cases.boundary_networks import top_vectors
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def coarse_plane(minimum: Minimum, vectors: Tensor) -> Slice:
    low, high = minimum.inputs.amin(dim=0) - 0.5, minimum.inputs.amax(dim=0) + 0.5
    x, y = torch.stack([low, high], dim=1).tolist()
    return input_plane(minimum, vectors, frame=Frame(100, bounds=((x[0], x[1]), (y[0], y[1]))))


PLANAR = [name for name in BOUNDARY if name != "iris-normal"]


@pytest.mark.parametrize("name", PLANAR)
def test_flip_rates_equal_the_reference(name: str) -> None:
    minimum, _, _, reference = boundary_minimum(name)
    flips = sign_flips(minimum, coarse_plane(minimum, top_vectors(name)))
    for k, rates in enumerate(flips.per_vector, start=1):
        expected = reference["sign_flips"][f"v{k}"]
        assert rates.n_cross == expected["n_cross"]
        # A grid point on the boundary may round to either side: 0.02 is 4 of 209 edges.
        assert rates.cross == pytest.approx(expected["flip_rate_cross"], abs=0.02)
        assert rates.inside == pytest.approx(expected["flip_rate_inside"], abs=0.02)
        assert rates.strong_cross == pytest.approx(expected["flip_rate_cross_strong"], abs=0.02)
        assert rates.strong_inside == pytest.approx(expected["flip_rate_inside_strong"], abs=0.02)
    covered = reference["boundary_covered_by_strong_flips_of_top_k"][:5]
    assert flips.explained == pytest.approx(covered, abs=0.02)


def test_random_vectors_flip_too_but_never_strongly() -> None:
    minimum, _, _, reference = boundary_minimum("gauss-normal")
    control = sign_flips(minimum, coarse_plane(minimum, top_vectors("gauss-normal"))).random_control
    theirs = reference["post"]["random_vectors_flip_rate_cross"]
    # Means of five vectors each; single vectors range over 0.04.
    assert control.cross == pytest.approx(sum(theirs) / 5, abs=0.04)
    assert control.strong_cross is None
    assert control.n_strong_cross == 0


def test_rates_of_a_drawn_boundary() -> None:
    # Columns 0,1 | 2,3 of 2 rows: 2 crossing edges of 10. A flips at one of them strongly, at
    # the other weakly, and once inside.
    classes = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1]])
    values = torch.tensor([[[0.5, 0.5, -0.5, -0.5], [0.5, -0.05, 0.05, 0.05]]])
    rates = flip_rates(classes, values)[0]
    assert (rates.cross, rates.strong_cross, rates.n_cross, rates.n_strong_cross) == (1, 1, 2, 1)
    assert rates.inside == 4 / 8  # row 1: 0|1; down: columns 1, 2, 3
    assert rates.strong_inside == 0
    assert explained_share(classes, values) == [0.5]


def test_without_a_boundary_there_is_no_rate() -> None:
    rates = flip_rates(torch.zeros(3, 3), torch.ones(1, 3, 3))[0]
    assert rates.cross is None
    assert rates.inside == 0


def test_edges_at_points_without_direction_are_left_out() -> None:
    classes = torch.tensor([[0, 1, 0]])
    values = torch.tensor([[[0.5, torch.nan, -0.5]]])
    assert flip_rates(classes, values)[0].n_cross == 0
