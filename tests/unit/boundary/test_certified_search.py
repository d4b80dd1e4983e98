"""A search in float32 whose ends float64 has the last word on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName, length
from minimascope.boundary.certified_search import CertifiedSearch
from minimascope.boundary.nearest_boundary import BoundarySearch
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import single
from tests.cases.boundary_networks import linear_minimum, small_cnn


def search_of(minimum: Minimum, norm: NormName = "l2") -> CertifiedSearch:
    return CertifiedSearch.of(minimum, norm=norm, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_ends_are_of_another_class_and_as_near_as_those_of_a_search_in_float64(
    norm: NormName,
) -> None:
    minimum = small_cnn(n=8)
    search, x = search_of(minimum, norm), minimum.inputs.flatten(1)
    assert search.rough is not None
    ends = search.ends(x)
    assert (search.surface.classes(ends) != search.surface.classes(x)).all()
    generator = torch.Generator().manual_seed(0)
    exact = BoundarySearch.of(minimum, norm=norm, generator=generator).ends(x)
    ratio = length(ends - x, norm) / length(exact - x, norm)
    # Both are searches with rounding of their own: they may end at other places of the boundary.
    assert (ratio < 1.02).all()
    assert float(ratio.median()) == pytest.approx(1.0, abs=1e-4)


class Short(BoundarySearch):
    """Ends that miss the boundary by a share of the distance."""

    share = 1e-6

    def ends(self, x: Tensor, *, rounds: int = 24) -> Tensor:
        found = super().ends(x, rounds=rounds)
        return x + (1 - self.share) * (found - x)


class FarTooShort(Short):
    share = 0.3


@pytest.mark.parametrize("kind", [Short, FarTooShort])
def test_an_end_that_float64_puts_on_the_near_side_is_pushed_or_found_again(
    kind: type[Short],
) -> None:
    minimum = small_cnn(n=6)
    search, x = search_of(minimum), minimum.inputs.flatten(1)
    assert search.rough is not None
    wrong = kind(**vars(search.rough))
    ends = replace(search, rough=wrong).ends(x)
    assert (search.surface.classes(ends) != search.surface.classes(x)).all()
    distance = length(ends - x, "l2")
    assert (distance / length(search.ends(x) - x, "l2") < 1.02).all()


def test_small_dense_networks_are_searched_as_they_are() -> None:
    minimum = linear_minimum(torch.eye(2), torch.zeros(2), torch.tensor([[1.0, 0.0]]))
    assert single(minimum) is minimum
    assert search_of(minimum).rough is None
