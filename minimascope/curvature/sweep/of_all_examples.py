"""What a matrix-free run takes from all examples at once: soft rank and quadratic forms.

TIC is (1/n) Σ_z zᵀGA⁻¹Gᵀz over random signs z (G: rows g_i), soft rank by stochastic Lanczos
quadrature; both from one deflation, each within its share of the time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.durations import duration
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_parts import Part
from minimascope.curvature.running.saved_state import NOT_KEPT, Keeper
from minimascope.curvature.sweep.deflated import (
    FEWEST_PROBES,
    PROBES,
    USUAL_STEPS,
    DeflatedGgn,
    quadratic_forms,
    soft_rank,
)
from minimascope.objective.metric import Metric

FEWEST_VECTORS = 100
# Shares of the time by whose end each part is over, where it is short.
DEFLATION, RANK, FORMS = 0.15, 0.3, 0.5


def keeper_of(products: Ggn, lambdas: Tensor, run: Run) -> Keeper:
    """What keeps the finished parts of this run."""
    if run.state_path is None:
        return NOT_KEPT
    key = fingerprint(products.minimum, seed=run.seed, also=[lambdas])
    return Keeper(run.state_path, key)


def stream(seed: int, part: int) -> torch.Generator:
    """The random numbers of one part of a run."""
    return torch.Generator().manual_seed(4 * seed + part)


def refuse_haste(products: Ggn, clock: Clock, fewest: int = FEWEST_VECTORS) -> None:
    """ValueError where the time is too short for anything."""
    least = products.seconds * fewest
    if clock.seconds < least:
        raise ValueError(
            f"A product with the GGN takes {duration(products.seconds)} here, and the "
            f"matrix-free route needs {fewest} of them at least: {duration(least)}, not "
            f"{duration(clock.seconds)}. Give it more time, fewer examples, or a GPU."
        )


def _affordable(ggn: DeflatedGgn, share: float, most: int) -> int:
    return max(FEWEST_PROBES, min(most, ggn.vectors_in(ggn.clock.left(share), USUAL_STEPS)))


def rank_part(ggn: DeflatedGgn, seed: int, metric: Metric) -> Part:
    """Soft rank and log-determinant at every λ."""
    probes, flow = _affordable(ggn, RANK, PROBES), metric.flow
    if flow is not None:
        flow = flow.averaged(metric.damping.value or 0.0)
    rank, error, half_logdet, change, of_flow = soft_rank(
        ggn, stream(seed, 1), probes=probes, share=RANK, flow=flow
    )
    found = {"rank": rank, "error": error, "half_logdet": half_logdet, "change": change}
    return found | {"flow": of_flow}


def forms_part(ggn: DeflatedGgn, n: int, seed: int, metric: Metric) -> Part:
    """All quadratic forms of one kind in lockstep: ḡ, ∇L + Pθ and the random sums."""
    theta = ggn.minimum.theta
    plain = mean_gradient(ggn.minimum)
    mean = metric.scaled(plain)
    whole = metric.scaled(plain + metric.penalty.to(theta) * theta)
    probes = _affordable(ggn, FORMS, PROBES)
    shape = (probes, n)
    signs = 2 * torch.randint(0, 2, shape, generator=stream(seed, 2)) - 1
    also, beside = ggn.lambdas.new_tensor([metric.newton_ridge or 1.0]), torch.stack([mean, whole])
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for rows in torch.arange(len(beside) + probes).split(ggn.at_once):
        known, drawn = rows[rows < len(beside)], rows[rows >= len(beside)] - len(beside)
        sums = ggn.products.gradient_sums(signs[drawn].to(theta))
        X = torch.cat([beside[known], sums])
        parts.append(quadratic_forms(ggn, X, also=also, share=FORMS))
    values, changes, elsewhere = zip(*parts, strict=True)
    value = torch.cat(values, dim=1)
    return {
        "mean": value[:, 0],
        "sums": value[:, 2:] / n,
        "newton": torch.cat(elsewhere, dim=1)[0, 1],
        "change": torch.stack(changes).amax(dim=0),
    }
