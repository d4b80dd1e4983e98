"""What a spectrum will cost: route, products, seconds and peak memory, before it is computed.

Seconds come from half a second of real products on this machine, and from one timed matrix
multiplication for the dense linear algebra around them.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from statistics import median

import torch

from workers.curvature.eigenpairs import BLOCK
from workers.curvature.graphs import available_bytes, forward
from workers.curvature.layout import Layout, plan_layout, source
from workers.curvature.minimum import Minimum
from workers.curvature.operators import Operator, hessian
from workers.curvature.routes import (
    LIMIT,
    Route,
    choose_route,
    low_rank_capacity,
)
from workers.curvature.trace import PROBES

CALIBRATION = 0.5  # seconds of products
RANK_OVER_NK = 4.5  # rank of H over n·K: 2.5 to 9.3 on seven small trained ReLU networks
EIGH_FLOPS = 8  # times p³, at the speed of a matrix multiplication
GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """Predicted cost; `peak_bytes` is memory on top of network and data.

    `products` is a guess for Lanczos and for the low-rank route, `products_limit` is certain.
    `operator` is the Hessian with its graphs, for `compute_spectrum` to go on with.
    """

    route: Route
    products: int
    products_limit: int
    seconds: float
    seconds_per_product: float
    peak_bytes: int
    sentence: str
    operator: Operator = field(repr=False, compare=False)

    @property
    def block(self) -> str:
        """The plan as a person reads it, one figure a line."""
        return "\n".join(
            (
                f"route     {_NAMES[self.route]}",
                f"products  about {self.products}, {self.products_limit} at most",
                f"each      {1000 * self.seconds_per_product:.3g} ms",
                f"time      about {self.seconds:.2g} s",
                f"memory    {self.peak_bytes / GIB:.2g} GiB on top of network and data",
            )
        )


def plan_spectrum(minimum: Minimum, *, top_k: int = 10, tolerance: float = 1e-6) -> Plan:
    """Predicts `compute_spectrum` with the same arguments.

    ValueError, with what is needed and what is free, where the route would not fit in memory.
    """
    outputs = forward(minimum, minimum.unflatten(minimum.theta), slice(0, 1)).shape[1]
    layout = plan_layout(minimum, source(minimum, "hessian"), chunk=None, retain="auto")
    rank_hint = minimum.n * outputs
    graph_bytes = layout.bytes_per_example * minimum.n
    route = choose_route(minimum.dim, graph_bytes=graph_bytes, rank_hint=rank_hint)
    refuse_unless_it_fits(
        minimum.dim * 4 * minimum.theta.element_size() + layout.chunk * layout.bytes_per_example,
        available_bytes(minimum.inputs.device),
    )
    operator = hessian(minimum)
    size, limit = _dimensions(route, operator, rank_hint, top_k=top_k, tolerance=tolerance)
    peak = _peak(route, size, minimum, layout, top_k=top_k)
    refuse_unless_it_fits(peak, available_bytes(minimum.inputs.device))
    each = seconds_per_product(operator, width=1 if route == "lanczos" else BLOCK)
    products = size + (PROBES if route == "lanczos" else top_k)
    algebra = _algebra_flops(route, size, minimum.dim) / flops_per_second(operator)
    seconds = products * each + algebra
    sentence = (
        f"{_NAMES[route]}: about {products} (at most {limit}) products of "
        f"{1000 * each:.3g} ms, {seconds:.2g} s, {peak / GIB:.2g} GiB at most."
    )
    operator.counter.products = 0  # calibration is no part of the run
    return Plan(route, products, limit, seconds, each, peak, sentence, operator)


_NAMES: dict[Route, str] = {
    "dense": "Dense matrix",
    "low_rank": "Exhausted Krylov space",
    "lanczos": "Lanczos",
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
    route: Route, operator: Operator, rank_hint: int, *, top_k: int, tolerance: float
) -> tuple[int, int]:
    """Expected dimension of the basis, and the most products that can happen."""
    if route == "dense":
        return operator.dim, operator.dim + top_k
    if route == "low_rank":
        capacity = low_rank_capacity(operator)
        expected = int(RANK_OVER_NK * rank_hint) + BLOCK
        fallback = 0 if capacity == operator.dim else LIMIT + PROBES
        return min(expected, capacity), capacity + fallback + top_k
    # Lanczos gains a fixed factor a step: about 1.75 steps a pair and 10 to start with at a
    # residual of 1e-3, and a quarter of that again for every further digit.
    digits = -math.log10(tolerance)
    expected = int((10 + 1.75 * top_k) * max(0.5, (1 + digits) / 4))
    return min(expected, operator.dim, LIMIT), LIMIT + PROBES + top_k


def _peak(route: Route, size: int, minimum: Minimum, layout: Layout, *, top_k: int) -> int:
    item = minimum.theta.element_size()
    examples = minimum.n if layout.retained else layout.chunk
    graphs = layout.bytes_per_example * (examples + layout.rows * min(layout.chunk, minimum.n))
    if route == "dense":
        return graphs + 6 * size**2 * item  # matrix, its symmetric part, workspace, vectors
    if route == "low_rank":
        return graphs + 4 * size * minimum.dim * item  # basis, Ritz vectors, known pairs, signs
    # Basis and images, then top and known vectors with their images and signs, and the probes.
    return graphs + (2 * size + 6 * top_k + 2 * PROBES) * minimum.dim * item


def _algebra_flops(route: Route, size: int, dim: int) -> float:
    if route == "dense":
        return EIGH_FLOPS * size**3
    # Two Gram–Schmidt passes of two multiplications over a growing basis, then Ritz vectors.
    return 4.0 * dim * size**2 + 2.0 * dim * size**2 + EIGH_FLOPS * size**3


def seconds_per_product(operator: Operator, *, width: int) -> float:
    """Median seconds of one product within blocks of `width`, over half a second."""
    rows = torch.ones(
        min(width, operator.dim), operator.dim, dtype=operator.dtype, device=operator.device
    )
    operator.matmat(rows[:1])  # warm-up: first touch of kernels and memory
    taken: list[float] = []
    begun = time.perf_counter()
    while not taken or time.perf_counter() - begun < CALIBRATION:
        start = time.perf_counter()
        operator.matmat(rows)
        taken.append((time.perf_counter() - start) / rows.shape[0])
    return median(taken)


def flops_per_second(operator: Operator) -> float:
    """Speed of a tall multiplication like those of reorthogonalisation."""
    like = {"dtype": operator.dtype, "device": operator.device}
    tall = torch.ones(256, min(operator.dim, 20_000), **like)
    float((tall @ tall.T).sum())
    start = time.perf_counter()
    float((tall @ tall.T).sum())
    return 2 * 256 * tall.numel() / max(time.perf_counter() - start, 1e-6)
