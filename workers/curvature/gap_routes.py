"""Which of the three routes computes a sweep: by cost among those that fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Route = Literal["primal", "dual", "matrix_free"]

MEMORY_BYTES = 6 * 10**9
LARGEST_DUAL = 20_000
EIGH_FLOPS = 9
# The exact route at p = 9,010 and nK = 14,370 is 10¹³ and took 254 CPU-s: this is three quarters
# of an hour, and a Gram matrix of an 11-million-parameter network would take many.
MOST_FLOPS = 1e14


@dataclass(frozen=True)
class RoutePlan:
    """The route, the sentence that says why, and what it takes where that is known beforehand."""

    route: Route
    reason: str
    operations: float | None = None


def choose_route(n: int, outputs: int, p: int, *, memory_bytes: int = MEMORY_BYTES) -> RoutePlan:
    """Cheapest exact route that fits and ends within the hour, else matrix-free."""
    rows = n * outputs
    costs: dict[Route, float] = {}
    if 8 * (rows * p + 4 * p * p) <= memory_bytes:
        costs["primal"] = 3.0 * rows * p**2 + EIGH_FLOPS * p**3
    if rows <= LARGEST_DUAL and 8 * 5 * rows**2 <= memory_bytes:
        costs["dual"] = 1.0 * rows**2 * p + (EIGH_FLOPS + 2) * rows**3
    if not costs:
        return RoutePlan(
            "matrix_free",
            f"Neither {p} × {p} nor {rows} × {rows} matrices fit in {memory_bytes / 1e9:.0f} GB.",
        )
    route = min(costs, key=lambda name: costs[name])
    if costs[route] > MOST_FLOPS:
        return RoutePlan(
            "matrix_free",
            f"p = {p}, nK = {rows}: an exact route would take {costs[route]:.0e} operations.",
        )
    reason = f"p = {p}, nK = {rows}: the cheaper exact route that fits."
    return RoutePlan(route, reason, costs[route])
