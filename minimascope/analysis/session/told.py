"""What was told of the training, as the numerics and the report take it."""

from __future__ import annotations

from minimascope.contract.parameters import Parameters
from minimascope.contract.report import ObjectiveSummary, PenaltyGroup
from minimascope.curvature.gap.training import Training
from minimascope.curvature.minimum.minimum import Minimum


def training_of(parameters: Parameters) -> Training:
    """Beyond loss, penalty and schedule."""
    return Training(
        optimizer=parameters.optimizer,
        augmentation=parameters.augmentation,
        copies=parameters.groups is not None,
        dropout=parameters.dropout,
    )


def objective_summary(minimum: Minimum, parameters: Parameters) -> ObjectiveSummary:
    """The report's `objective`, with what follows from it for these parameters."""
    early = minimum.objective.optimiser.early_stopping
    everything = sum(q.numel() for q in minimum.network.parameters())
    names = set(ObjectiveSummary.model_fields) & set(Parameters.model_fields)
    return ObjectiveSummary(
        **{name: getattr(parameters, name) for name in names},
        penalty=_penalty(minimum, parameters),
        trained=minimum.dim,
        frozen=everything - minimum.dim,
        training_time=None if early is None else 1 / early,
        lambda_reference=minimum.objective.damping.value,
        copies=parameters.groups is not None,
    )


def _penalty(minimum: Minimum, parameters: Parameters) -> list[PenaltyGroup]:
    decay = parameters.weight_decay
    if decay is None:
        return []
    return [PenaltyGroup(name="all", weight_decay=decay, parameters=minimum.dim)]
