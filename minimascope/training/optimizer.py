"""What the optimiser of a script says: weight decay by tensor, its metric, how long it went on."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from minimascope.objective.optimiser import EPS, bias_corrected
from minimascope.objective.penalty import Penalty
from minimascope.training.refusals import named, optimizer_unusable
from minimascope.training.schedule import rates_of

Fields = dict[str, Any]
KINDS = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "LBFGS": "lbfgs"}


@dataclass(frozen=True)
class Told:
    """Fields of Parameters, weight decay by exact name where it differs, and Adam's own v̂."""

    fields: Fields = field(default_factory=dict)
    penalty: Penalty | None = None
    second_moment: Mapping[str, Tensor] | None = None
    eps: float = EPS
    said: list[str] = field(default_factory=list)


def unwrapped(optimizer: Any) -> Any:
    """The optimiser itself, where a trainer (accelerate, Lightning) keeps it within its own."""
    while isinstance(inside := getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
        optimizer = inside
    return optimizer


def told_by(optimizer: Any, names: Mapping[int, str], trained: list[str]) -> Told:
    """names: of the model's parameters by identity; trained: those with requires_grad.

    Raises ProblemError optimizer_unusable.
    """
    optimizer = unwrapped(optimizer)
    if optimizer is None:
        return Told()
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise optimizer_unusable(
            f"The optimiser is a {named(optimizer)}; a torch.optim.Optimizer is needed."
        )
    groups = _named_groups(optimizer, names)
    kind = kind_of(optimizer)
    fields, said = _facts(optimizer, kind, groups)
    penalty, more = _penalty(groups, trained)
    said += more
    if any(group.get("maximize") for group in optimizer.param_groups):
        raise optimizer_unusable(
            "The optimiser maximises, so the weights are no minimum of a loss."
        )
    moment, count = _second_moment(optimizer, names, trained, kind)
    if count is not None:
        fields["steps"] = count
    eps = float(optimizer.param_groups[0].get("eps", EPS))
    return _without_guess(Told(fields, penalty, moment, eps, said), optimizer)


def _named_groups(
    optimizer: torch.optim.Optimizer, names: Mapping[int, str]
) -> list[tuple[dict[str, Any], list[str]]]:
    """Groups with the names of their parameters in the model."""
    found, strange = list[tuple[dict[str, Any], list[str]]](), 0
    for group in optimizer.param_groups:
        mine = [names[id(q)] for q in group["params"] if id(q) in names]
        strange += len(group["params"]) - len(mine)
        found.append((group, mine))
    if not any(mine for _, mine in found):
        raise optimizer_unusable(
            "The optimiser holds none of the model's parameters: it is that of another model.",
            "Give the optimiser that trained this one.",
        )
    if strange and not any(mine for _, mine in found[1:]) and strange > len(names):
        raise optimizer_unusable("Most of the optimiser's parameters are another model's.")
    return found


def kind_of(optimizer: torch.optim.Optimizer) -> str:
    kind = KINDS.get(type(optimizer).__name__, "other")
    decoupled = optimizer.param_groups[0].get("decoupled_weight_decay", False)
    return "adamw" if kind == "adam" and decoupled else kind


def _facts(
    optimizer: torch.optim.Optimizer, kind: str, groups: list[tuple[dict[str, Any], list[str]]]
) -> tuple[Fields, list[str]]:
    fields: Fields = {"optimizer": kind}
    held = [group for group, mine in groups if mine]
    said = []
    rates = [max(float(g["lr"]), float(g.get("initial_lr", g["lr"]))) for g in held if "lr" in g]
    if rates and max(rates) > 0 and kind != "lbfgs":
        fields["lr"] = max(rates)
        if min(rates) < max(rates):
            said.append(
                f"Groups have learning rates of {min(rates):g} to {max(rates):g}; the largest "
                "was taken for all."
            )
    first = held[0]
    if kind == "sgd" and first.get("momentum"):
        fields["momentum"] = float(first["momentum"])
        if first.get("dampening"):
            said.append("Dampening of the momentum was not counted.")
    if kind in ("adam", "adamw"):
        fields["betas"] = tuple(float(beta) for beta in first["betas"])
    if kind == "other":
        said.append(f"{named(optimizer)} has no metric here: it counts as steps of plain size.")
    return fields, said


def _penalty(
    groups: list[tuple[dict[str, Any], list[str]]], trained: list[str]
) -> tuple[Penalty | None, list[str]]:
    """Weight decay of every trained tensor; those in no group have none, and that is said."""
    table = {name: float(g.get("weight_decay", 0.0)) for g, mine in groups for name in mine}
    without = [name for name in trained if name not in table]
    said = []
    if without:
        said.append(
            f"{len(without)} parameters with requires_grad ({', '.join(without[:3])}) are in no "
            "group of the optimiser: they count as trained, without weight decay."
        )
    decays = {name: table.get(name, 0.0) for name in trained}
    if len(set(decays.values())) == 1:
        return Penalty(next(iter(decays.values()))), said
    return Penalty(table={glob.escape(name): decay for name, decay in decays.items()}), said


def _second_moment(
    optimizer: torch.optim.Optimizer, names: Mapping[int, str], trained: list[str], kind: str
) -> tuple[dict[str, Tensor] | None, int | None]:
    """v̂ by name where the state has it for every trained tensor, and the steps it counted."""
    found: dict[str, Tensor] = {}
    count: int | None = None
    for q, state in optimizer.state.items():
        if "step" in state:
            count = max(count or 0, int(state["step"]))
        if kind not in ("adam", "adamw") or id(q) not in names or "exp_avg_sq" not in state:
            continue
        squares = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        beta2 = float(optimizer.param_groups[0]["betas"][1])
        squares = squares.detach().cpu().double()
        found[names[id(q)]] = bias_corrected(squares, beta2, float(state["step"]))
    whole = set(trained) <= set(found)
    return ({name: found[name] for name in trained} if whole and found else None), count or None


def _without_guess(told: Told, optimizer: torch.optim.Optimizer) -> Told:
    """A rate that a scheduler changed is no constant one: steps times it would be wrong."""
    changed = [
        (float(g["initial_lr"]), float(g["lr"]))
        for g in optimizer.param_groups
        if "initial_lr" in g and float(g["initial_lr"]) != float(g["lr"])
    ]
    if not changed or "lr" not in told.fields or "steps" not in told.fields:
        return told
    first, last = changed[0]
    said = (
        f"A scheduler took the learning rate from {first:g} to {last:g}: give schedule= (it, or "
        "a name) or lr_sum=, and the training time is known."
    )
    fields = {name: each for name, each in told.fields.items() if name != "steps"}
    return replace(told, fields=fields, said=[*told.said, said])


def with_schedule(told: Told, schedule: Any, steps: int | None) -> Told:
    """How the learning rate went: a name, a scheduler, or the rates of all steps."""
    if schedule is None:
        return told if steps is None else replace(told, fields={**told.fields, "steps": steps})
    said = [each for each in told.said if not each.startswith("A scheduler took")]
    count = steps or told.fields.get("steps")
    if isinstance(schedule, str):
        more: Fields = {"schedule": schedule} | ({"steps": count} if count else {})
        return replace(told, fields={**told.fields, **more}, said=said)
    rates = rates_of(schedule, count)
    if count is None and not isinstance(schedule, (list, tuple)):
        said.append(
            "Each step of the schedule was taken for one of the optimiser: else give steps=."
        )
    more = {"lr_sum": rates.total, "lr": rates.largest, "steps": rates.steps}
    return replace(told, fields={**told.fields, **more}, said=said)


def in_units_of_mean(told: Told, terms: float | None, batch: int | None) -> Told:
    """The same for the mean over examples, where the criterion is a sum of `terms` each.

    One step of the sum over b examples is one of the mean with learning rate b·terms as large and
    weight decay so much smaller; Adam's steps have no size of the gradient, but v̂ has.
    """
    if terms is None or not told.fields:
        return told
    if batch is None:
        said = "How many examples a step sums over is not known (batch_size=), and so no λ."
        return Told({"optimizer": told.fields["optimizer"]}, said=[*told.said, said])
    factor = batch * terms
    fields = dict(told.fields)
    adaptive = fields["optimizer"] in ("adam", "adamw")
    if not adaptive:
        for name in {"lr", "lr_sum"} & set(fields):
            fields[name] *= factor
    moment = told.second_moment
    if moment is not None:
        moment = {name: each / factor**2 for name, each in moment.items()}
    penalty = told.penalty
    if penalty is not None and fields["optimizer"] != "adamw":
        table = penalty.table and {k: each / factor for k, each in penalty.table.items()}
        decay = penalty.weight_decay and penalty.weight_decay / factor
        penalty = replace(penalty, weight_decay=decay, table=table)
    eps = told.eps / factor if adaptive else told.eps
    return Told(fields, penalty, moment, eps, told.said)
