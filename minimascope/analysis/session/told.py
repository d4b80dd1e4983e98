"""What was told of the training, as the report takes it."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.analysis.session.assembly import Opened
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import ObjectiveSummary, PenaltyGroup
from minimascope.curvature.minimum.minimum import Minimum

NAMED = 3  # parameter tensors of a group that are named one by one


def objective_summary(opened: Opened) -> ObjectiveSummary:
    """The report's `objective`, with what follows from it for these parameters.

    Loss and `link` are those that were found, which may not have been told. λ_eff needs the
    gradient, and comes with the gap.
    """
    minimum, parameters = opened.minimum, opened.parameters
    optimiser = minimum.objective.optimiser
    everything = sum(q.numel() for q in minimum.network.parameters())
    names = set(ObjectiveSummary.model_fields) & set(Parameters.model_fields)
    names -= {"loss", "link"}
    told = {name: getattr(parameters, name) for name in names}
    return ObjectiveSummary(
        **{name: value for name, value in told.items() if value is not None},
        loss=minimum.loss.name,
        link=opened.link,
        penalty=_penalty(minimum),
        trained=minimum.dim,
        frozen=everything - minimum.dim,
        learning_rate_sum=optimiser.sum_of_rates,
        training_time=optimiser.training_time,
        moments=optimiser.moments,
        lambda_unit="weight decay times √v̂ + ε" if optimiser.decoupled else "weight decay",
        read=opened.read or None,
        copies=parameters.groups is not None,
    )


def with_gradients(groups: list[PenaltyGroup], lefts: list[float], pulls: list[float]) -> None:
    """Puts what `group_norms` found into the groups."""
    for group, left, pull in zip(groups, lefts, pulls, strict=True):
        group.gradient_left, group.pull = left, pull


def group_norms(minimum: Minimum, vector: Tensor) -> list[float]:
    """Norm of a (p,) vector on each group of parameters with one weight decay."""
    places = minimum.places
    parts = [[vector[places[name].slice] for name in names] for _, names in _groups(minimum)]
    return [float(torch.cat(part).norm()) for part in parts]


def _penalty(minimum: Minimum) -> list[PenaltyGroup]:
    found: list[PenaltyGroup] = []
    groups = _groups(minimum)
    for decay, names in groups:
        size = sum(minimum.places[name].size for name in names)
        said = "all" if len(groups) == 1 else _said(names)
        found.append(PenaltyGroup(name=said, weight_decay=decay, parameters=size))
    return found


def _groups(minimum: Minimum) -> list[tuple[float, list[str]]]:
    """Names of parameters by weight decay, the largest first; none where no decay was told."""
    penalty = minimum.objective.penalty
    if not penalty.known:
        return []
    shapes = {name: place.shape for name, place in minimum.places.items()}
    groups: dict[float, list[str]] = {}
    for name, decay in penalty.by_name(shapes).items():
        groups.setdefault(decay, []).append(name)
    return sorted(groups.items(), reverse=True)


def _said(names: list[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
