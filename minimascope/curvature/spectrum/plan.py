"""What a spectrum will cost: route, products, seconds and peak memory, before it is computed.

Seconds come from real products on this machine, timed for a twentieth of what they will take and
half a second at most (on some of the examples where one on all of them takes longer), and from a
timed eigenvalue problem and multiplication for the linear algebra around them. The rank of H on
little data is foreseen from two of its examples (`rank_pilot`). How many products Lanczos takes
depends on the gaps of a spectrum that nobody knows yet: hence a middle and a range that held 9 of
10 runs (benchmarks/spectra/convergence.py: 18 networks, none of those that plans are tested on).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from minimascope.curvature.krylov.trace import PROBES
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.graphs import available_bytes
from minimascope.curvature.products.layout import Layout, plan_layout, source
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.durations import duration, duration_between
from minimascope.curvature.spectrum.eigenpairs import BLOCK
from minimascope.curvature.spectrum.rank_pilot import SPREAD as RANK_SPREAD
from minimascope.curvature.spectrum.rank_pilot import expected_rank
from minimascope.curvature.spectrum.route import (
    LIMIT,
    Route,
    choose_route,
    lanczos_capacity,
    low_rank_capacity,
)
from minimascope.curvature.spectrum.spectrum import rank_hint, spectrum_operator
from minimascope.curvature.spectrum.timing import (
    ALGEBRA,
    algebra_seconds,
    calibration_seconds,
    seconds_on_few,
    seconds_per_product,
)
from minimascope.curvature.spectrum.wanted import Wanted

STEPS_SPREAD = (0.6, 1.7)  # actual over expected Lanczos steps, from 5% to 95% of 144 runs
SECONDS_SPREAD = (0.8, 1.25)  # of one product, from one half second to the next
LIBRARIES = 56 * 2**20  # bytes that kernels and linear algebra touch on their first use, on the CPU
GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """Predicted cost; `peak_bytes` is memory on top of network and data.

    For Lanczos and the low-rank route `products` and `seconds` are the middle of what is expected,
    the ranges what 9 of 10 networks stay within; `products_limit` is certain. `operator` is the
    Hessian with its graphs, for `compute_spectrum` to go on with.
    """

    route: Route
    products: int
    products_limit: int
    seconds: float
    seconds_per_product: float
    peak_bytes: int
    sentence: str
    products_range: tuple[int, int]
    seconds_range: tuple[float, float]
    operator: Operator = field(repr=False, compare=False)

    @property
    def block(self) -> str:
        """The plan as a person reads it, one figure a line."""
        return "\n".join(
            (
                f"route     {_NAMES[self.route]}",
                f"products  about {self.products} ({_span(self.products_range)}), "
                f"{self.products_limit} at most",
                f"each      {duration(self.seconds_per_product)}",
                f"time      about {duration_between(self.seconds, *self.seconds_range)}",
                f"memory    {self.peak_bytes / GIB:.2g} GiB on top of network and data",
            )
        )


def plan_spectrum(minimum: Minimum, wanted: Wanted = Wanted()) -> Plan:
    """Predicts `compute_spectrum` with the same arguments.

    ValueError, with what is needed and what is free, where the route would not fit in memory.
    """
    top_k, tolerance = wanted.top_k, wanted.tolerance
    layout = plan_layout(minimum, source(minimum, "hessian"), chunk=None, retain="auto")
    rank = rank_hint(minimum)
    graph_bytes = layout.bytes_per_example * minimum.n
    route = choose_route(minimum.dim, graph_bytes=graph_bytes, rank_hint=rank, whole=wanted.whole)
    refuse_unless_it_fits(
        minimum.dim * 4 * minimum.theta.element_size() + layout.chunk * layout.bytes_per_example,
        available_bytes(minimum.inputs.device),
    )
    operator = spectrum_operator(minimum, wanted, rank_hint=rank)
    sizes, limit = _dimensions(route, operator, minimum, top_k=top_k, tolerance=tolerance)
    peak = _peak(route, sizes[2], minimum, layout, operator, top_k=top_k)
    refuse_unless_it_fits(peak, available_bytes(minimum.inputs.device))
    width = 1 if route == "lanczos" else BLOCK
    each = seconds_on_few(minimum, layout, operator, tolerance, width=width)
    if each is None:
        each = seconds_per_product(operator, width=width, products=sizes[1])
    brief = calibration_seconds(each, sizes[1])
    algebra = algebra_seconds(route, operator, budget=min(ALGEBRA, brief))
    more = PROBES if route == "lanczos" else top_k
    products = [size + more for size in sizes]
    seconds = [count * each + algebra(count - more) for count in products]
    around = (products[0], products[2])
    lasting = (SECONDS_SPREAD[0] * seconds[0], SECONDS_SPREAD[1] * seconds[2])
    sentence = (
        f"{_NAMES[route]}: about {products[1]} Hessian–vector products "
        f"({_span(around)}, at most {limit}) of "
        f"{duration(each)}, {duration_between(seconds[1], *lasting)}, "
        f"{peak / GIB:.2g} GiB at most."
    )
    operator.counter.products = 0  # calibration is no part of the run
    middle = products[1], limit, seconds[1]
    return Plan(route, *middle, each, peak, sentence, around, lasting, operator)


def _span(ends: tuple[int, int]) -> str:
    """A range as it is read, or that there is none."""
    low, high = ends
    return f"{low} to {high}" if low != high else "exactly"


_NAMES: dict[Route, str] = {
    "dense": "All eigenvalues, from the whole matrix",
    "low_rank": "All eigenvalues but zeros, from a Krylov space until nothing is left",
    "lanczos": "The top eigenpairs, by Lanczos",
}


def refuse_unless_it_fits(needed: int, free: int) -> None:
    """ValueError with both figures where `needed` bytes are more than `free`."""
    if needed > free:
        raise ValueError(
            f"The spectrum needs about {needed / GIB:.3g} GiB of memory and "
            f"{free / GIB:.3g} GiB are free; ask for fewer eigenpairs, use float32, or run it on "
            "a machine with more memory."
        )


def _dimensions(
    route: Route, operator: Operator, minimum: Minimum, *, top_k: int, tolerance: float
) -> tuple[tuple[int, int, int], int]:
    """Low, middle and high dimension of the basis, and the most products that can happen."""
    if route == "dense":
        return (operator.dim,) * 3, operator.dim + top_k
    if route == "low_rank":
        most = low_rank_capacity(operator)
        middle, spread = expected_rank(minimum, operator) + BLOCK, RANK_SPREAD
        fallback = 0 if most == operator.dim else LIMIT + PROBES
        limit = most + fallback + top_k
    else:
        most, middle, spread = (
            min(operator.dim, LIMIT),
            steps_expected(top_k, tolerance),
            STEPS_SPREAD,
        )
        limit = LIMIT + PROBES + top_k
    low, high = (min(most, round(middle * factor)) for factor in spread)
    return (low, min(most, round(middle)), high), limit


def steps_expected(top_k: int, tolerance: float) -> float:
    """Median Lanczos steps until `top_k` pairs and λ_min have converged.

    Residuals fall by a fixed factor a step, pairs within the bulk cost more than those far out,
    and λ_min, at the bulk's other edge, is what few pairs wait for. Fitted to the 18 networks.
    """
    digits = -math.log10(tolerance)
    pairs = (7.6 + 0.71 * top_k**1.33) * max(0.5, 0.7 + 0.1 * digits)
    lowest = 22 + 16 * min(1.0, max(-0.5, digits - 3))  # its own residual is 1e-4 at the least
    return max(pairs, lowest)


def _peak(
    route: Route, size: int, minimum: Minimum, layout: Layout, operator: Operator, *, top_k: int
) -> int:
    """Bytes on top of network and data."""
    vector = minimum.dim * minimum.theta.element_size()
    on_cpu = operator.device.type == "cpu"
    examples = minimum.n if layout.retained else layout.chunk
    graphs = layout.bytes_per_example * (examples + layout.rows * min(layout.chunk, minimum.n))
    graphs += LIBRARIES * on_cpu
    if route == "dense":
        return graphs + 6 * size * vector  # matrix, its symmetric part, workspace, vectors
    if route == "low_rank":
        return graphs + 4 * size * vector  # basis, Ritz vectors, known pairs, signs
    # Basis and images, then top and known vectors with their images and signs, and the probes.
    # On a GPU all of a basis is there from the start, on the CPU only what has been written.
    held = size if on_cpu else lanczos_capacity(operator, top_k)
    return graphs + (2 * held + 6 * top_k + 2 * PROBES) * vector
