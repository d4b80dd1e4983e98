"""The route of the gap estimates: the cheapest exact one, unless it would take hours."""

from __future__ import annotations

import pytest

from minimascope.curvature.layers.gram import GramCost
from minimascope.curvature.sweep.route import Route, choose_route


@pytest.mark.parametrize(
    ("n", "outputs", "p", "route", "words"),
    [
        (1437, 10, 900, "primal", "cheaper exact route"),
        (120, 3, 10_703, "dual", "cheaper exact route"),
        # nK = 5,000 fits, but p (nK)² = 2.8·10¹⁴ operations are hours on any processor
        (500, 10, 11_000_000, "matrix_free", "operations"),
        # neither 10⁵ × 10⁵ nor 5·10⁵ × 5·10⁵ numbers are ever held
        (50_000, 10, 100_000, "matrix_free", "Neither"),
    ],
)
def test_the_cheapest_exact_route_is_taken_unless_it_would_take_hours(
    n: int, outputs: int, p: int, route: Route, words: str
) -> None:
    # The Gram matrix of a network whose every layer is multiplied out.
    gram = GramCost(2.0 * (n * outputs) ** 2 * p, 10**8)
    chosen = choose_route(n, outputs, p, gram=gram)
    assert chosen.route == route
    assert words in chosen.reason
