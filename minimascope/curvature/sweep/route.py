"""Which of the three routes computes a sweep, by cost among those that fit, and what it will take.

Operations are counted from sizes alone, so that the route is the same on every machine; seconds
come from one timed multiplication, or from timed products on the matrix-free route.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import torch

from minimascope.curvature.layers.gram import GramCost
from minimascope.curvature.sweep.deflated import DEFLATED, EXTRA_STEPS, PROBES, USUAL_STEPS
from minimascope.curvature.sweep.sampled_flow import USUAL_PRODUCTS

Route = Literal["primal", "dual", "matrix_free"]

MEMORY_BYTES = 8 * 10**9
LARGEST_DUAL = 20_000
# Of an order m: its reduction to a band, m³; features rotated into it, rows m²; the GGN of so many
# gradients, rows m². Counted so that the exact route at p = 9,010 and nK = 14,370, which took 254
# CPU-s, is about 10¹³.
BAND_OPERATIONS, ROTATED, MULTIPLIED = 2, 3, 3
# Three quarters of an hour; a Gram matrix of an 11-million-parameter network would take many.
MOST_FLOPS = 1e14
# Of the S_i alone: where they are most of the work, as with hundreds of outputs an example (tokens,
# a thousand classes), one Lanczos run an example has the same number for a tenth of it or less.
MOST_LEFT_OUT = 2e12
LAMBDAS, OWN_EIGH = 27, 10  # of a sweep; an eigendecomposition over K³, measured at K = 800
# Operations a second of an exact sweep over those of a large multiplication.
EFFICIENCY = 0.7
# Examples until the standard error of ALO is 10%: 64 to 1,000.
USUAL_EXAMPLES = 256
TIMED = 1024
LONGEST = 3600.0  # seconds
# Of the filter: poles (`flow`), width of the band (`band`), real multiplications in a complex one.
POLES, BAND, COMPLEX = 7, 64, 4
# Numbers of a band's factors a row: blocks and couplings at every λ, complex blocks at every pole.
FACTORED = 2 * BAND * LAMBDAS + 2 * BAND * POLES


@dataclass(frozen=True)
class Budget:
    """What a sweep may take: seconds of the matrix-free route, memory, and the route if chosen and
    the sentence that says why.

    An exact route is only taken where it ends within about an hour anyway.
    """

    seconds: float = LONGEST
    memory_bytes: int = MEMORY_BYTES
    route: Route | None = None
    why: str = "Route chosen by the caller."


@dataclass(frozen=True)
class RoutePlan:
    """The route, the sentence that says why, and operations of an exact sweep (else None)."""

    route: Route
    reason: str
    operations: float | None = None


def choose_route(
    n: int, outputs: int, p: int, *, gram: GramCost, memory_bytes: int = MEMORY_BYTES
) -> RoutePlan:
    """Cheapest exact route that fits and ends within the hour, else matrix-free."""
    rows = n * outputs
    costs: dict[Route, float] = {}
    if _primal_bytes(rows, p) <= memory_bytes:
        costs["primal"] = primal_operations(rows, p)
    if rows <= LARGEST_DUAL and dual_bytes(rows, gram) <= memory_bytes:
        costs["dual"] = dual_operations(rows, gram)
    if not costs:
        return RoutePlan(
            "matrix_free",
            f"Neither {p} × {p} nor {rows} × {rows} matrices fit in {memory_bytes / 1e9:.0f} GB.",
        )
    route = min(costs, key=lambda name: costs[name])
    own = left_out_operations(n, outputs, p if route == "primal" else rows)
    if costs[route] + own > MOST_FLOPS or own > max(MOST_LEFT_OUT, costs[route]):
        return RoutePlan(
            "matrix_free",
            f"p = {p}, nK = {rows}: an exact route would take {costs[route] + own:.0e} operations.",
        )
    return RoutePlan(
        route, f"p = {p}, nK = {rows}: the cheaper exact route that fits.", costs[route] + own
    )


def _primal_bytes(rows: int, p: int) -> int:
    return 8 * (rows * p + p * p + FACTORED * p)


def dual_bytes(rows: int, gram: GramCost) -> float:
    """What an exact sweep holds that goes by a Gram matrix: traces of all layers beside it, then
    its features and the band's reflectors."""
    return 8 * (rows**2 + max(gram.numbers, rows**2 + FACTORED * rows))


def fits_primal(rows: int, p: int) -> bool:
    """Whether a p × p matrix may be made beside a dual sweep."""
    return _primal_bytes(rows, p) <= MEMORY_BYTES and primal_operations(rows, p) <= MOST_FLOPS


def primal_operations(rows: int, p: int) -> float:
    """Of an exact sweep over nK = rows and p parameters."""
    return float(MULTIPLIED + ROTATED) * rows * p**2 + BAND_OPERATIONS * p**3


def left_out_operations(n: int, outputs: int, order: int) -> float:
    """Of every S_i and its eigenvalues at every λ, beside the solves with a band of that order."""
    return LAMBDAS * float(n) * outputs**2 * (2.0 * order + OWN_EIGH * outputs)


def flow_operations(rows: int, p: int, route: Route, *, own: bool) -> float:
    """Of the filter beside an exact sweep (`flow`): seven complex solves with a band for each row.

    `own`: P/D differs by parameter, so that the filter has a p × p matrix of its own, if it fits.
    """
    own = own and fits_primal(rows, p)
    solves = COMPLEX * POLES * 2.0 * BAND * rows * (p if own or route == "primal" else rows)
    return solves + (primal_operations(rows, p) if own else 0.0)


def dual_operations(rows: int, gram: GramCost) -> float:
    """Of an exact sweep over nK = rows with a Gram matrix of this cost."""
    return 0.5 * gram.operations + float(BAND_OPERATIONS + ROTATED) * rows**3


def exact_seconds(count: float, device: torch.device) -> float:
    """Seconds of an exact sweep of so many operations, from one timed multiplication."""
    square = torch.ones(TIMED, TIMED, dtype=torch.float64, device=device)
    float((square @ square)[0, 0])
    start = time.perf_counter()
    float((square @ square)[0, 0])
    rate = 2 * TIMED**3 / max(time.perf_counter() - start, 1e-9)
    return count / (EFFICIENCY * rate)


def usual_vectors(n: int, *, flow: bool = False) -> int:
    """GGN products that a matrix-free sweep takes where time is not short."""
    return shared_vectors() + vectors_of_examples(n, flow=flow)


def shared_vectors() -> int:
    """Those of the deflation, of the soft rank and of sums over all examples."""
    return 3 * DEFLATED + EXTRA_STEPS + (2 * PROBES + 2) * USUAL_STEPS


def vectors_of_examples(n: int, *, flow: bool = False) -> int:
    """Those of leave-one-out."""
    each = 2 * USUAL_STEPS * (USUAL_PRODUCTS if flow else 1)
    return min(n, USUAL_EXAMPLES) * each
