"""What the optimiser's steps see: its rates, weight decay and metric as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from minimascope.contract.report.edge import limit_words, stability_limit
from minimascope.curvature.products.operator import Operator, operator_like
from minimascope.objective.optimiser import bias_corrected
from minimascope.training.optimizer import kind_of


@dataclass(frozen=True)
class Stepping:
    """One step in θ order, of the mean loss.

    lr       the largest of the groups
    scale    (p,) S: a step is −lr·S²(∇L + …); None where it is 1 for all
    inside   (p,) weight decay that the metric acts on; None where `shift` says it all
    shift    weight decay, the same for all: it moves every eigenvalue
    limit    the largest stable eigenvalue of S(H + inside)S + shift
    """

    lr: float
    scale: Tensor | None
    inside: Tensor | None
    shift: float
    limit: float | None
    words: str
    momentum: float = 0.0

    def seen(self, hessian: Operator, like: Tensor) -> Operator:
        """S(H + inside)S as an operator; H itself where that is what steps see."""
        if self.scale is None and self.inside is None:
            return hessian
        scale = torch.ones_like(like) if self.scale is None else self.scale.to(like)
        inside = torch.zeros_like(like) if self.inside is None else self.inside.to(like)

        def apply(rows: Tensor) -> Tensor:
            rows = rows * scale
            return (hessian.matmat(rows) + inside * rows) * scale

        return operator_like(like, apply, "Hessian in the optimiser's metric")


def stepping(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, Tensor],
    summed: float | None,
    rates_made: Sequence[float] = (),
) -> Stepping | None:
    """Of the optimiser as it is now; None where it holds none of these, or has no learning rate.

    parameters: those that are trained, in θ order. summed: the criterion is a sum of so many
    terms, so that its steps are those of the mean with a learning rate so much larger. rates_made:
    of the groups in the last step, where a scheduler may have set others since.
    """
    known: list[dict[str, Any]] = list(optimizer.param_groups)
    for place, rate in enumerate(rates_made):
        known[place] = {**known[place], "lr": rate}
    groups = {id(q): group for group in known for q in group["params"]}
    held = [groups.get(id(q)) for q in parameters.values()]
    rates = [float(group.get("lr", 0.0)) if group else 0.0 for group in held]
    top = max(rates, default=0.0)
    if top <= 0:
        return None
    kind, terms = kind_of(optimizer), summed or 1.0
    first = next(group for group, rate in zip(held, rates, strict=True) if group and rate == top)
    adaptive = kind in ("adam", "adamw")
    relative = [rate / top for rate in rates]
    squares = [torch.full((q.numel(),), each) for q, each in _pairs(parameters, relative)]
    if adaptive:
        metric = _metric(optimizer, parameters, terms)
        if metric is None:  # before its first step
            return None
        squares = [square / each for square, each in zip(squares, metric, strict=True)]
    decays = [float(group.get("weight_decay", 0.0)) if group else 0.0 for group in held]
    inside, shift = _decay(parameters, decays, kind, squares, relative)
    inside, shift = _of_mean(inside, shift, 1.0 if kind == "adamw" else terms)
    lr = top if adaptive else top * terms
    limit, words = _limit(kind, first, lr, optimizer)
    scale = torch.cat(squares).sqrt()
    plain = bool((scale == 1).all())
    momentum = float(first.get("momentum", 0.0)) if kind == "sgd" else 0.0
    return Stepping(lr, None if plain else scale, inside, shift, limit, words, momentum)


def _pairs(parameters: Mapping[str, Tensor], values: list[float]) -> Any:
    return zip(parameters.values(), values, strict=True)


def _metric(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, Tensor], terms: float
) -> list[Tensor] | None:
    """√v̂ + ε of each tensor, in units of the mean's gradient."""
    found: list[Tensor] = []
    group = optimizer.param_groups[0]
    beta2, eps = float(group["betas"][1]), float(group.get("eps", 0.0))
    for q in parameters.values():
        state = optimizer.state.get(q, {})
        if "exp_avg_sq" not in state:
            return None
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"]).detach().reshape(-1).cpu()
        v = bias_corrected(square.double(), beta2, float(state["step"]))
        found.append((v.sqrt() + eps).clamp_min(torch.finfo(torch.float32).tiny) / terms)
    return found


def _decay(
    parameters: Mapping[str, Tensor],
    decays: list[float],
    kind: str,
    squares: list[Tensor],
    relative: list[float],
) -> tuple[Tensor | None, float]:
    """Inside the metric and beside it: AdamW's acts beside it, and SGD's has no metric mostly."""
    if not any(decays):
        return None, 0.0
    plain = all(bool((each == 1).all()) for each in squares)
    beside = kind == "adamw" and set(relative) == {1.0}
    if len(set(decays)) == 1 and (beside or (plain and kind != "adam")):
        return None, decays[0]
    rows = [torch.full((q.numel(),), decay) for q, decay in _pairs(parameters, decays)]
    if kind == "adamw":  # S·inside·S is what each step takes of the weight itself
        parts = zip(rows, squares, relative, strict=True)
        rows = [row * rate / square for row, square, rate in parts]
    return torch.cat(rows), 0.0


def _of_mean(inside: Tensor | None, shift: float, terms: float) -> tuple[Tensor | None, float]:
    """In units of the mean, where the criterion is a sum."""
    return None if inside is None else inside / terms, shift / terms


def _limit(
    kind: str, group: dict[str, Any], lr: float, optimizer: torch.optim.Optimizer
) -> tuple[float | None, str]:
    if kind in ("adam", "adamw"):
        beta1 = float(group["betas"][0])
        steps = max((float(s["step"]) for s in optimizer.state.values() if "step" in s), default=1)
        # Its first steps are longer by the correction of the mean (Cohen et al. 2022, section 2).
        corrected = 1 - beta1**steps
        return corrected * stability_limit(lr, beta1=beta1), limit_words(beta1=beta1)
    if kind == "sgd":
        momentum, ahead = float(group.get("momentum", 0.0)), bool(group.get("nesterov"))
        lr *= 1 - float(group.get("dampening", 0.0))
        return (
            stability_limit(lr, momentum=momentum, nesterov=ahead),
            limit_words(momentum=momentum, nesterov=ahead),
        )
    return None, ""
