"""λ_eff: the ridge that training amounts to (docs/mathematics.md, sections 3 and 7)."""

from __future__ import annotations

from dataclasses import dataclass

from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty


@dataclass(frozen=True)
class Damping:
    """λ_eff and where it comes from.

    value          λ_eff; where it is not `known` the weight decay alone, at which figures are shown
                   without a headline, and None where there is none
    converged      the gradient of the objective is that of a minimum: how long training went on
                   does not count, and λ_eff is the penalty's alone
    training_time  T of the optimiser (Σ lr/(1 − momentum); Σ lr of Adam), None where unknown
    metric         what λ multiplies where that is not ‖·‖² alone, in words
    """

    value: float | None
    source: str
    known: bool = True
    converged: bool = False
    training_time: float | None = None
    metric: str = ""


def damping_sentence(
    penalty: Penalty, optimiser: Optimiser, value: float, *, converged: bool, metric: str
) -> str:
    """Where a known λ_eff comes from."""
    where = f", {metric}" if metric else ""
    if converged:
        known = f"weight decay {value:g}" if penalty.weight_decay == value else f"{value:.4g}"
        return f"λ_eff = {known}, for a converged L2-regularised minimum{where}."
    known = penalty.weight_decay or 0.0
    if optimiser.adaptive:
        return f"λ_eff = weight decay + 1/Σlr = {value:.4g}, for {_named(optimiser)}{where}."
    short, sum_of = "lr·steps", "a constant learning rate"
    if optimiser.lr_sum is not None or optimiser.schedule not in (None, "constant"):
        short, sum_of = "Σlr", f"its {optimiser.schedule or ''} schedule".replace("  ", " ")
    return (
        f"λ_eff = weight decay {known:g} + (1 − momentum)/({short}) = {value:.4g}, "
        f"for SGD with {sum_of}{where}."
    )


def _named(optimiser: Optimiser) -> str:
    return "AdamW" if optimiser.decoupled else "Adam"


def unknown_sentence(penalty: Penalty, optimiser: Optimiser) -> str:
    """Why λ_eff is unknown, and what to tell."""
    if optimiser.name == "lbfgs":
        told = "the objective told" if penalty.known else "an objective without weight decay"
        return (
            f"L-BFGS ended before a minimum of {told}, and its steps have no training time, so λ "
            "is unknown: let it run until the gradient stands still, or tell what else was "
            "minimised (weight decay, smoothing, frozen layers)."
        )
    advice = _wanted(optimiser)
    if penalty.known and penalty.weight_decay != 0:
        return _not_reached(penalty, f"give {advice}: stopping early has a share in λ")
    known, also = "The weight decay is not known", "the optimiser's weight decay, or "
    if penalty.weight_decay == 0:
        known, also = "Weight decay is 0", ""
    return (
        f"{known} and no training schedule was given, so λ is unknown: give {also}{advice} "
        "to get a headline number."
    )


def _wanted(optimiser: Optimiser) -> str:
    """What tells the training time of this optimiser."""
    if optimiser.adaptive:
        return "lr and steps (or lr_sum)"
    if optimiser.name == "sgd":
        return "lr, momentum and steps (or lr_sum)"
    return "the optimizer with lr, schedule and steps"


def _not_reached(penalty: Penalty, advice: str) -> str:
    told = "the objective told" if penalty.known else "an objective without weight decay"
    return (
        f"These weights are no minimum of {told}, and no training time is known, so λ is "
        f"unknown; {advice}."
    )
