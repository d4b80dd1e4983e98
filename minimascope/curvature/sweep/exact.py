"""The exact routes: every quantity of a sweep from one resolvent, for every λ."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.clock import Progress, part, silent
from minimascope.curvature.sweep.band import BandResolvent
from minimascope.curvature.sweep.flow import filtered
from minimascope.curvature.sweep.leave_one_out import LeftOut, leave_one_out
from minimascope.curvature.sweep.resolvent import (
    Resolvent,
    dual_resolvent,
    primal_resolvent,
    units_at_a_time,
)
from minimascope.curvature.sweep.result import Filtered, Sweep
from minimascope.curvature.sweep.route import fits_primal
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow, Metric

# Of λ over the largest eigenvalue: below it ε λ₁/λ leaves no digit.
ROUNDING = 1e-14
MATRIX = 0.6  # of the progress


def primal_sweep(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    progress: Progress = silent,
) -> Sweep:
    """Everything of `Sweep` on ascending λ from the GGN (p × p)."""
    flow = metric.flow
    matrix, left_out = _two_parts(progress)
    resolvent = primal_resolvent(minimum, likelihood, metric, progress=matrix)
    found = exact_sweep(resolvent, likelihood, lambdas, metric, left_out)
    if flow is None:
        return found
    if flow.added is not None:
        del resolvent  # as large as the one that follows
        return replace(found, filtered=_of_its_own(minimum, likelihood, metric, flow))
    return replace(found, filtered=filtered(resolvent, likelihood, flow))


def dual_sweep(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    progress: Progress = silent,
) -> Sweep:
    """The same from its dual (nK × nK).

    Where P/D is no one number the filter has no dual of that size: it goes the primal way where
    that fits, else P/D is averaged.
    """
    flow = metric.flow
    matrix, left_out = _two_parts(progress)
    resolvent = dual_resolvent(minimum, likelihood, metric, progress=matrix)
    found = exact_sweep(resolvent, likelihood, lambdas, metric, left_out)
    if flow is None:
        return found
    if flow.added is not None and fits_primal(likelihood.n * likelihood.outputs, minimum.dim):
        del resolvent
        return replace(found, filtered=_of_its_own(minimum, likelihood, metric, flow))
    assert metric.damping.value is not None
    one = flow.averaged(metric.damping.value)
    of_one = filtered(resolvent, likelihood, one)
    return replace(found, filtered=replace(of_one, averaged=one is not flow))


def _two_parts(progress: Progress) -> tuple[Progress, Progress]:
    """The matrix, and what follows from it example by example."""
    return part(progress, 0.0, MATRIX), part(progress, MATRIX, 1.0)


def _of_its_own(minimum: Minimum, likelihood: Likelihood, metric: Metric, flow: Flow) -> Filtered:
    """The filter from a matrix of its own, D^(−½)(GGN + P)D^(−½) (p × p)."""
    own = replace(metric, root=flow.root)
    resolvent = primal_resolvent(minimum, likelihood, own, added=flow.added)
    return filtered(resolvent, likelihood, Flow(flow.time, 0.0))


def exact_sweep(
    resolvent: Resolvent,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    progress: Progress = silent,
) -> Sweep:
    """Everything of `Sweep` on ascending λ, but `filtered`, from one resolvent."""
    e = resolvent.band.eigenvalues().clamp_min(0)
    _refuse_rounding(float(lambdas.min()), float(e.max()))
    ridges = lambdas.to(resolvent.features)
    solver = BandResolvent(resolvent.band, ridges)
    parts, done = list[LeftOut](), 0
    for copies, at, examples in units_at_a_time(resolvent, likelihood):
        S = resolvent.scaled_jacobian_gram(copies, at, solver, ridges)
        parts.append(leave_one_out(examples, S, copies=copies))
        done += examples.n
        progress(done / likelihood.n, "leave-one-out at every λ")
    delta, quadratic, leverage, _ = (torch.cat(each, dim=1) for each in zip(*parts, strict=True))
    return Sweep(
        lambdas=lambdas,
        rank=(e / (e + ridges[:, None])).sum(dim=1),
        rank_error=None,
        half_logdet=0.5 * (solver.logdets - resolvent.band.dim * ridges.log()),
        examples=torch.arange(delta.shape[1], device=delta.device),
        displacement=delta,
        quadratic=quadratic * delta.shape[1],
        mean_quadratic=resolvent.probe_grams(solver, ridges)[:, 0, 0],
        leverage=leverage,
        newton=_newton(resolvent, metric),
        eigenvalues=e,
        method=_method(resolvent),
    )


def _refuse_rounding(smallest: float, largest: float) -> None:
    if smallest < ROUNDING * largest:
        raise ValueError(
            f"λ = {smallest:.3g} is less than {ROUNDING:g} of the largest eigenvalue of the GGN "
            f"({largest:.3g}): rounding alone decides what comes out. Curves go from a hundredth "
            "of λ_eff to a hundred times it; give a larger weight decay, or lr, schedule and steps."
        )


def _newton(resolvent: Resolvent, metric: Metric) -> float | None:
    """½ gᵀ(GGN + P)⁻¹g with g = ḡ + Pθ, None where P is not known or no multiple of the ridge."""
    ridge = metric.newton_ridge
    if ridge is None:
        return None
    at = resolvent.probes.new_tensor([ridge])
    gram = resolvent.probe_grams(BandResolvent(resolvent.band, at), at)[0]
    w = at.new_tensor([1.0, resolvent.pull])
    return 0.5 * float(w @ gram @ w)


def _method(resolvent: Resolvent) -> str:
    m = resolvent.band.dim
    name = "the GGN" if resolvent.form == "primal" else "the dual Gram matrix"
    return f"exact for every λ: {name} ({m} × {m}) reduced to a band"
