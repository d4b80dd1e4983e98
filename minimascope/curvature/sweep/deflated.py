"""Functions of GGN + λI that need products alone: soft rank, log-determinant, quadratic forms.

The top eigenpairs are taken out once (`deflation`); outside them one Lanczos run each serves every
λ. Stochastic Lanczos quadrature: Ubaru, Chen and Saad, "Fast estimation of tr(f(A)) via stochastic
Lanczos quadrature", 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.krylov.deflation import Deflation, top_pairs
from minimascope.curvature.krylov.lockstep import LanczosRuns, begin
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.running.clock import Clock
from minimascope.objective.metric import Flow

PROBES, FEWEST_PROBES = 20, 3
SLQ_TOLERANCE = 1e-3
MAX_STEPS = 200
CHECK_EVERY = 5
# Relative change at λ_eff in CHECK_EVERY steps that ends a run; ten times it elsewhere.
TOLERANCES = {torch.float64: 1e-4, torch.float32: 1e-3}
BLOCK_NUMBERS = 10**8
# Eigenpairs of the GGN taken out first, and the memory their Lanczos run may use (4 GB).
DEFLATED = 50
EXTRA_STEPS = 20
BASIS_NUMBERS = 5 * 10**8
# Steps of a run where nothing is known yet: 15 to 40 on the networks of benchmarks/gap_routes.py.
USUAL_STEPS = 30


@dataclass(frozen=True)
class DeflatedGgn:
    """GGN products with its top eigenpairs taken out, for every λ of the sweep.

    row: of λ_eff among `lambdas`; products: vectors that the clock allows.
    """

    minimum: Minimum
    products: Ggn
    deflation: Deflation
    lambdas: Tensor
    row: int
    clock: Clock
    seconds_per_product: float

    @property
    def tolerance(self) -> float:
        """Relative change that ends a run."""
        return TOLERANCES.get(self.minimum.theta.dtype, TOLERANCES[torch.float32])

    @property
    def at_once(self) -> int:
        """Vectors in lockstep that fit in memory."""
        return max(1, BLOCK_NUMBERS // self.minimum.dim)

    def vectors_in(self, seconds: float, steps: int) -> int:
        """Runs of so many steps that fit in the time."""
        return int(seconds / (self.seconds_per_product * steps))

    def begin(self, X: Tensor) -> LanczosRuns:
        """Recurrences started at the rows of X (b × p), outside the known pairs."""
        return begin(self.products.operator.matmat, X, known=self.deflation.known)


def deflated_ggn(
    products: Ggn,
    lambdas: Tensor,
    generator: torch.Generator,
    *,
    row: int,
    clock: Clock,
    share: float,
) -> DeflatedGgn:
    """Takes out up to 50 eigenpairs: fewer where their Lanczos run would not fit in 4 GB or in a
    share of the time."""
    minimum, theta = products.minimum, products.minimum.theta
    each = products.seconds
    affordable = int(clock.left(share) / each)
    steps = max(1, min(2 * DEFLATED + EXTRA_STEPS, minimum.dim, BASIS_NUMBERS // minimum.dim))
    count = max(0, min(DEFLATED, (steps - EXTRA_STEPS) // 2))
    ggn = DeflatedGgn(minimum, products, nothing(theta), lambdas, row, clock, each)
    if count == 0 or affordable < steps + count:
        return ggn
    deflation = top_pairs(
        products.operator,
        torch.randn(minimum.dim, generator=generator).to(theta),
        count=count,
        steps=steps,
        smallest_lambda=float(lambdas.min()),
        accuracy=0.1 * ggn.tolerance,
    )
    return DeflatedGgn(minimum, products, deflation, lambdas, row, clock, each)


def nothing(theta: Tensor) -> Deflation:
    """No pair at all."""
    return Deflation(theta.new_zeros(0), theta.new_zeros(0, theta.shape[0]), 0)


Value = Callable[[LanczosRuns], Tensor]


def run_until_settled(
    ggn: DeflatedGgn, runs: LanczosRuns, value: Value, *, share: float, tolerance: float, what: str
) -> tuple[Tensor, Tensor]:
    """Advances until `value` (L × ...) stands still: (value, its last relative change (L,)).

    Ends before that after MAX_STEPS steps or when the share of the time is over. The change is
    measured at every λ against the norm of the value there.
    """
    before: Tensor | None = None
    change = torch.full_like(ggn.lambdas, math.inf)
    while True:
        over = runs.steps > 1 and ggn.clock.past(share)
        # Rounding repeats nodes, so that a space of dimension p may take more than p steps.
        ended = over or runs.exhausted or runs.steps >= min(MAX_STEPS, 2 * ggn.minimum.dim)
        if runs.steps and (ended or runs.steps % CHECK_EVERY == 0):
            now = value(runs)
            change = change if before is None else _change(now, before).to(change)
            if runs.exhausted:
                return now, torch.zeros_like(change)
            settled = float(change[ggn.row]) < tolerance and bool((change < 10 * tolerance).all())
            if settled or ended:
                return now, change
            before = now
        runs.advance()
        ggn.clock.tell(f"matrix-free: {what}, step {runs.steps}, {ggn.products.count} products")


def _change(now: Tensor, before: Tensor) -> Tensor:
    size = now.flatten(1).norm(dim=1).clamp_min(torch.finfo(now.dtype).tiny)
    return ((now - before).flatten(1).norm(dim=1) / size).double()


def quadratic_forms(
    ggn: DeflatedGgn, X: Tensor, *, also: Tensor, share: float
) -> tuple[Tensor, Tensor, Tensor]:
    """xᵀ(GGN + λI)⁻¹x of the rows of X (L × b), its last change, and the same at other λ."""
    runs = ggn.begin(X)

    def value(state: LanczosRuns, lambdas: Tensor = ggn.lambdas) -> Tensor:
        return ggn.deflation.quadratic(X, lambdas) + state.quadratic(lambdas)

    found, change = run_until_settled(
        ggn, runs, value, share=share, tolerance=ggn.tolerance, what="quadratic forms"
    )
    return found, change, value(runs, also)


def soft_rank(
    ggn: DeflatedGgn,
    generator: torch.Generator,
    *,
    probes: int,
    share: float,
    flow: Flow | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """(rank, its standard error, ½ log det, last change) at every λ: known pairs, a run a probe.

    Last the rank Σ e φ(e) of a flow with one P/D, NaN without.
    """
    theta = ggn.minimum.theta
    ridge = ggn.lambdas.to(theta.device)[:, None, None]

    def ranks(runs: LanczosRuns) -> Tensor:
        values, vectors = runs.nodes()
        return (runs.weights(vectors) * values / (values + ridge)).sum(dim=2)

    parts: list[Tensor] = []
    filtered: list[Tensor] = []
    logdets: list[Tensor] = []
    changes: list[Tensor] = []
    for count in (len(each) for each in torch.arange(probes).split(ggn.at_once)):
        # Drawn when needed, a byte each: all of them would be many times the network.
        shape = (count, theta.shape[0])
        signs = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8)
        runs = ggn.begin(2 * signs.to(theta) - 1)
        # Probes differ by percents, so a change by SLQ_TOLERANCE is no part of the error.
        found, change = run_until_settled(
            ggn, runs, ranks, share=share, tolerance=SLQ_TOLERANCE, what="soft rank"
        )
        values, vectors = runs.nodes()
        logdets.append(
            0.5 * (runs.weights(vectors) * torch.log1p(values / ridge)).sum(dim=2).double()
        )
        if flow is not None:
            weights = flow.weights(values) * values
            filtered.append((runs.weights(vectors) * weights).sum(dim=1).double())
        parts.append(found)
        changes.append(change)
        if ggn.clock.past(share) and sum(part.shape[1] for part in parts) >= FEWEST_PROBES:
            break
    rank, logdet = torch.cat(parts, dim=1), torch.cat(logdets, dim=1)
    known, flat = ggn.deflation.values.double(), ridge[:, 0]
    return (
        (known / (known + flat)).sum(dim=1) + rank.mean(dim=1),
        rank.std(dim=1) / math.sqrt(rank.shape[1]),
        0.5 * torch.log1p(known / flat).sum(dim=1) + logdet.mean(dim=1),
        torch.stack(changes).amax(dim=0),
        _flow_rank(known, filtered, flow),
    )


def _flow_rank(known: Tensor, parts: list[Tensor], flow: Flow | None) -> Tensor:
    if flow is None:
        return known.new_tensor(math.nan)
    return (known * flow.weights(known)).sum() + torch.cat(parts).mean()
