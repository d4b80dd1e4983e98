"""The decision boundary in a report: complexity, sign flips, classes apart, rescaled minima."""

from __future__ import annotations

from minimascope.contract.report.sections import Estimate, Section
from minimascope.contract.report.spectrum import Outliers


class Epsilon(Section):
    """Threshold for |A|: read from ≥ 100 random unit vectors, or given; `spread` is its s.d."""

    value: float
    spread: float | None
    source: str


class GCurve(Section):
    """count = known eigenvectors with max |A| ≥ ε, g = count/p.

    `count_outside`: no basis of the space outside the known eigenvectors holds more that do.
    """

    epsilon: list[float]
    count: list[int]
    g: list[float]
    count_outside: list[int] | None = None


class FlipRates(Section):
    """Sign-flip rates of A_k over slice edges that cross a boundary and that do not.

    `strong` counts only edges with |A_k| > 0.1 on both sides; null where there is no such edge.
    """

    cross: float | None
    inside: float | None
    strong_cross: float | None
    strong_inside: float | None


class Flips(Section):
    per_vector: list[FlipRates]
    random_control: FlipRates | None


class ClassSubset(Section):
    """Complexity over the training points of some classes, and the Hessian of their mean loss.

    count, g and n90 use the eigenvectors of the whole Hessian at the report's ε; `eigenvalues`
    are the largest of the Hessian restricted to these points, outliers are counted among them.
    """

    classes: list[int]
    n: int
    count: int
    count_outside: int
    g: float
    n90: int | None
    eigenvalues: list[float] = []
    converged: bool | None = None
    outliers: Outliers | None = None
    trace: Estimate | None = None


class Rescaled(Section):
    """Measures after `layer` was multiplied by `factor` and the next layer's weights divided by it.

    The function, its margins and its test accuracy are the same to rounding; `g` counts at the
    report's ε.
    """

    factor: float
    layer: str
    next_layer: str
    lambda_max: float
    trace: float
    parameter_norm: float
    g: float
    count_outside: int
    n90: int | None


class Surface(Section):
    """Mean losses over θ + a v₁ + b v₂ (arrays `surface_*`), of so many examples.

    `train_gain` and `test_gain`: nats by which the lowest mean on the grid lies below that at θ;
    `test_lowest`: the step (a, b) to the lowest test loss.
    """

    train_points: int
    train_gain: float
    test_points: int | None = None
    test_gain: float | None = None
    test_lowest: list[float] | None = None


class Boundary(Section):
    """Complexity and sign flips (docs/mathematics.md, section 4).

    G lies in [g_at_epsilon, g_at_epsilon + count_outside/p]. `explained[k]`: share of the drawn
    boundary on which at least one of v₁..v_{k+1} flips strongly; `plane` says what is drawn;
    `walked`: how many training points the walks' losses are of, null where all.
    """

    epsilon: Epsilon
    g_at_epsilon: float
    g_curve: GCurve
    n90: int | None
    vectors_known: int
    energy_outside: float
    zeroed_points: int
    flips: Flips | None
    count_outside: int | None = None
    n90_at_least: int | None = None
    explained: list[float | None] = []
    plane: str | None = None
    slice_underflowed: int | None = None
    walked: int | None = None
    subsets: list[ClassSubset] = []
    rescaled: list[Rescaled] = []
    surface: Surface | None = None
