"""How finely the decision boundary is drawn over a plane, and what a grid point takes."""

from __future__ import annotations

import math

from minimascope.analysis.costs.passes import GRADIENT_PASSES, PRODUCT_SECONDS, row_seconds
from minimascope.boundary.layers import dense_layers
from minimascope.curvature.minimum.minimum import Minimum

RESOLUTION = 200
COARSEST = 24
# A plane of r × r inputs forms r²·p gradient numbers where no closed form saves them: about ten
# CPU-seconds at this many.
GRADIENT_NUMBERS = 4e9
# CPU seconds that a plane may take. Convolutions of large images would take hours at 200 × 200
# points, and so would dense layers of many million parameters.
PLANE_SECONDS = 60.0


def resolution_for(minimum: Minimum, *, vectors: int, seconds: float = math.inf) -> int:
    """Grid points a side: 200, fewer where those of a large net would take long, or `seconds`."""
    points = min(PLANE_SECONDS, seconds) / point_seconds(minimum, vectors=vectors)
    if dense_layers(minimum) is None:
        points = min(points, GRADIENT_NUMBERS / minimum.dim)
    return max(COARSEST, min(RESOLUTION, math.isqrt(int(points))))


def point_seconds(minimum: Minimum, *, vectors: int) -> float:
    """CPU seconds of one grid point, from counted work: its gradient, products with vectors."""
    products = 4 * PRODUCT_SECONDS * minimum.dim * vectors
    return GRADIENT_PASSES * row_seconds(minimum) + products


def has_principal_plane(minimum: Minimum) -> bool:
    """Real-valued inputs with at least two features and three examples have one."""
    enough = minimum.inputs[0].numel() >= 2 and minimum.n >= 3
    return minimum.inputs.is_floating_point() and enough
