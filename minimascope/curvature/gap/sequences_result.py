"""From what products and single sequences gave (`sequences`) to the result of the gap analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.gap.assembly import headline_of
from minimascope.curvature.gap.at_lambda import UNFINISHED
from minimascope.curvature.gap.baselines import sharpness, spectral_baselines
from minimascope.curvature.gap.checks import Check, checks
from minimascope.curvature.gap.diagnostics import TOP_SHARE, scatter_of
from minimascope.curvature.gap.hessian_clipped import negative_mass
from minimascope.curvature.gap.moved_network import rise_of
from minimascope.curvature.gap.result import GapEstimate, GapHeadline, GapResult
from minimascope.curvature.gap.sequences_found import Found, Swept
from minimascope.curvature.gap.training import Training
from minimascope.curvature.gap.verdict import Evidence, Judgement, LeftOut, judge, soft_rank_note
from minimascope.curvature.products.token_losses import sequence_losses
from minimascope.curvature.sweep.result import STILL
from minimascope.objective.metric import CONVERGED

WHOLE = "not computed: needs the logits of all positions of all sequences at once"
STOPPED = (
    "Training stopped before the minimum, and for so many words and tokens what stopping adds is "
    "counted as a ridge alone: no interval is known for that, so read the estimates with their "
    "standard errors."
)
BROKEN_OFF = (
    "Time was over before the steps of two sequences left out had come to an end, and unfinished "
    "they say nothing: give it more seconds, a GPU, or fewer sequences."
)
# Of what they are made: a part of `Swept` that ends when it stands still, or with the time.
MADE_OF = {"rank": ("soft_rank_ggn",), "forms": ("tic_ggn", "tic_ggn_uncentred")}
REASON = (
    "The logits of all positions do not stand at once: sequences are left out one by one, and what "
    "is of all of them comes from products."
)
NOT_HERE = (
    "soft_rank_hessian_clipped",
    "tic_hessian_clipped",
    "tic_hessian_clipped_uncentred",
    "kfac_soft_rank",
    "kfac_tic",
    "diagonal_soft_rank",
    "sampled_fisher_soft_rank",
)
LEFT_OUT = ("alo_ggn", "alo_moved", "alo_trained")
UNKNOWN = ("margin10", "relative_flatness", "layer_flatness_last", "temperature_train")


@dataclass(frozen=True)
class Judged:
    """All that depends on λ_eff."""

    judgement: Judgement
    checks: list[Check]
    estimates: dict[str, GapEstimate]
    diagnostics: dict[str, float | None]
    headline: GapHeadline | None


def result_of(found: Found) -> GapResult:
    """The result; without λ_eff only what does not depend on it."""
    minimum, metric, swept, share = found.minimum, found.metric, found.swept, found.gradient_share
    judged = _judged(found)
    measured = _measured(found)
    return GapResult(
        lambda_=metric.damping.value,
        lambda_source=metric.damping.source,
        headline=judged.headline,
        at_least=judged.judgement.at_least,
        verdict=judged.judgement.verdict,
        reason=judged.judgement.reason,
        checks=judged.checks,
        estimates=judged.estimates | measured,
        curves=_curves(found),
        measured=_measured_in(found, 0),
        diagnostics=judged.diagnostics,
        baselines=_baselines(found),
        weight_decay=minimum.objective.penalty.weight_decay,
        gradient_left=found.left,
        pull=found.pull,
        gradient_norm=float(found.gradient.norm()),
        regularized_gradient_norm=float(found.left.norm()) if metric.known else None,
        newton_decrement=_newton(found),
        gradient_share=share,
        converged=None if share is None else share < CONVERGED,
        train_loss=found.losses[0],
        alo_loss=None if swept is None else _of_all(found, swept.left_out.linear),
        moved_loss=None if swept is None else _of_all(found, swept.left_out.moved),
        calibration=None,
        calibration_alo=None,
        route="matrix_free",
        route_reason=REASON,
        plan=found.plan,
    )


def _judged(found: Found) -> Judged:
    nothing = _no_diagnostics(found)
    if found.swept is None:
        said = Judgement("no_estimate", found.metric.damping.source)
        return Judged(said, [], {}, nothing, None)
    evidence = _evidence(found, found.swept)
    judgement, looked_at = judge(evidence), checks(evidence, judge(evidence))
    if found.metric.flow is not None:  # the filter is not known, and the rules need it
        judgement = Judgement("no_estimate", STOPPED)
        looked_at = [each for each in looked_at if each.name not in ("optimizer", "width")]
    if found.swept.left_out.unfinished:
        judgement, looked_at = Judgement("no_estimate", BROKEN_OFF), list[Check]()
    return Judged(
        judgement,
        looked_at,
        _estimates(found, found.swept, evidence),
        nothing | _diagnostics(found, evidence),
        headline_of(evidence, judgement),
    )


def _evidence(found: Found, swept: Swept) -> Evidence:
    n, plain = found.minimum.n, found.minimum.loss.plain
    linear, row = swept.left_out.linear[0], swept.row
    rises = found.drawn(swept.left_out.linear)[0]
    rank, tic = float(swept.rank["rank"][row]) / n, float(swept.forms["sums"][row].mean()) / n
    ridge = LeftOut(
        float(rises.mean()),
        tic,
        rank,
        swept.left_out.temperature,
        scatter_of(rises, linear, rank, n),
    )
    damping = found.metric.damping
    return Evidence(
        ridge=ridge,
        filtered=None,
        training=Training.of(found.minimum),
        n=n,
        gradient_share=found.gradient_share,
        scheduled=damping.known and not damping.converged,
        constant_loss=plain.of_best_constant(found.minimum.targets, found.outputs),
    )


def _estimates(found: Found, swept: Swept, evidence: Evidence) -> dict[str, GapEstimate]:
    n, row, left = found.minimum.n, swept.row, swept.left_out
    rises, m = found.drawn(left.linear), len(left.examples)
    over = f"outputs to first order, of the same {m} of {n} sequences, drawn at random"
    products = f"random probes of all {n} sequences"
    sums = swept.forms["sums"][row] / n
    tic, tic_error = float(sums.mean()), float(sums.std()) / math.sqrt(len(sums))
    centring = float(swept.forms["mean"][row]) / n
    note = soft_rank_note(evidence.ridge.temperature, regression=False)
    rank = GapEstimate(
        evidence.ridge.soft_rank,
        float(swept.rank["error"][row]) / n,
        "; ".join(filter(None, [f"stochastic Lanczos quadrature, {products}", note])),
    )
    signs = f"standard error over {len(sums)} random signs of all {n} sequences"
    known = {
        "alo_ggn": _mean_of(rises[0], over),
        "soft_rank_ggn": rank,
        "tic_ggn": GapEstimate(tic - centring, tic_error, f"centred; {signs}"),
        "tic_ggn_uncentred": GapEstimate(tic, tic_error, signs),
        "alo_moved": rise_of(found.drawn(left.moved)[0]),
    }
    for part, names in MADE_OF.items():
        if float(getattr(swept, part)["change"][row]) >= STILL:
            known |= dict.fromkeys(names, GapEstimate(None, None, UNFINISHED))
    known |= dict.fromkeys(NOT_HERE, GapEstimate(None, None, WHOLE))
    if found.other_loss:
        known["alo_trained"] = _mean_of(rises[1], "leave-one-out in the loss trained")
    if left.unfinished:
        known |= {name: GapEstimate(None, None, BROKEN_OFF) for name in LEFT_OUT if name in known}
    return known


def _mean_of(values: Tensor, method: str) -> GapEstimate:
    return GapEstimate(float(values.mean()), float(values.std()) / math.sqrt(len(values)), method)


def _measured(found: Found) -> dict[str, GapEstimate]:
    """In the loss trained, where that is not the plain one."""
    other = _measured_in(found, 1) if found.other_loss else None
    return {} if other is None else {"measured_trained": other}


def _measured_in(found: Found, loss: int) -> GapEstimate | None:
    if found.test_losses is None:
        return None
    method = "mean test loss − mean train loss; sd(test loss)/√n_test"
    mean = _mean_of(found.test_losses[loss], method)
    assert mean.value is not None
    return mean._replace(value=mean.value - float(found.losses[loss].mean()))


def _no_diagnostics(found: Found) -> dict[str, float | None]:
    names = ("t_alo", "tic_over_soft_rank", "max_leverage", "top5_share", "dlog_alo_dlog_lambda")
    known = found.hessian
    masses = {"negative_mass": None if known is None else negative_mass(known.values)}
    return {**dict.fromkeys([*names, "gap_scatter", "ece_15"]), **masses}


def _diagnostics(found: Found, evidence: Evidence) -> dict[str, float | None]:
    assert found.swept is not None
    if found.swept.left_out.unfinished:
        return {}
    rises, ridge = found.drawn(found.swept.left_out.linear)[0], evidence.ridge
    top = rises.topk(math.ceil(TOP_SHARE * len(rises))).values
    total = float(rises.sum())
    return {
        "t_alo": ridge.temperature,
        "tic_over_soft_rank": ridge.tic / ridge.soft_rank if ridge.soft_rank > 0 else None,
        "top5_share": float(top.sum()) / total if total > 0 else None,
        "gap_scatter": ridge.scatter,
    }


def _curves(found: Found) -> dict[str, list[float | None]]:
    """Soft rank and TIC where their runs stood still; leave-one-out at λ_eff alone."""
    swept, n = found.swept, found.minimum.n
    names = ("soft_rank_ggn", "tic_ggn", "tic_ggn_uncentred", "alo_ggn")
    of_hessian = ("soft_rank_hessian_clipped", "tic_hessian_clipped")
    if swept is None:
        return {name: [] for name in ("lambda", *names, *of_hessian)}
    change = torch.maximum(swept.rank["change"].cpu(), swept.forms["change"].cpu())
    settled = (change < STILL).tolist()
    ranks, means = swept.rank["rank"], swept.forms["mean"] / n
    tic = swept.forms["sums"].mean(1) / n
    drawn = (ranks, tic - means, tic)
    found_at: dict[str, list[float | None]] = {"lambda": swept.lambdas.tolist()}
    for name, values in zip(names, drawn, strict=False):
        pairs = zip(values.tolist(), settled, strict=True)
        found_at[name] = [value if good else None for value, good in pairs]
    alo = float(found.drawn(swept.left_out.linear)[0].mean())
    row = None if swept.left_out.unfinished else swept.row
    found_at["alo_ggn"] = [alo if k == row else None for k in range(len(settled))]
    nothing: list[float | None] = [None] * len(settled)
    return found_at | dict.fromkeys(of_hessian, nothing)


def _baselines(found: Found) -> dict[str, float | None]:
    minimum, swept, hessian = found.minimum, found.swept, found.hessian
    data = (minimum.inputs, minimum.targets)

    def loss_at(theta: Tensor) -> float:
        return float(sequence_losses(minimum, found.head, data, [minimum.loss], theta).mean())

    half = None if swept is None else float(swept.rank["half_logdet"][swept.row])
    return {
        "parameters_over_n": minimum.dim / minimum.n,
        "theta_squared_norm": float(minimum.theta.square().sum()),
        "half_logdet_over_n": None if half is None else half / minimum.n,
        "fisher_rao": None if swept is None else swept.fisher_rao,
        **spectral_baselines(None if hessian is None else hessian.values, None, minimum.n),
        **dict.fromkeys(UNKNOWN),
        **sharpness(minimum, loss_at),
    }


def _newton(found: Found) -> float | None:
    if found.swept is None or found.metric.newton_ridge is None:
        return None
    return 0.5 * float(found.swept.forms["newton"])


def _of_all(found: Found, losses: Tensor) -> Tensor | None:
    """Plain losses (n,) where every sequence was left out."""
    assert found.swept is not None
    examples = found.swept.left_out.examples
    if len(examples) < found.minimum.n or found.swept.left_out.unfinished:
        return None
    return losses[0][examples.argsort()]
