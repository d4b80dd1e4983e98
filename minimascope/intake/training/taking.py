"""Which proposals an analysis takes: what a person told wins, then what a file leaves certain."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from minimascope.contract.parameters import Parameters
from minimascope.intake.training.naming import Network
from minimascope.intake.training.proposals import Proposal, proposals
from minimascope.intake.values.training_facts import TrainingFacts

# Fields that say one thing together: who tells one of them tells it all.
_TOGETHER = (
    {"weight_decay", "decay_on", "decay_table"},
    {"loss", "class_weights", "pos_weight"},
)
_OF_OPTIMIZER = {"optimizer", "momentum", "betas", "lr", "schedule", "lr_sum", "steps"}
_RATES = {"lr", "schedule", "steps"}


def taken(
    told: Parameters, facts: TrainingFacts, network: Network
) -> tuple[Parameters, list[str], list[str]]:
    """The parameters with what the file adds, that in words, and what it leaves open."""
    found = proposals(facts, network, steps=told.steps, optimizer=told.optimizer)
    said: list[str] = []
    parameters = told
    others = _other_optimizer(told, found.found)
    for each in [p for p in found.found if p.certain]:
        fields = _kept(each, told, others)
        if not fields:
            continue
        given = parameters.model_dump(exclude_unset=True) | fields
        try:
            parameters = Parameters.model_validate(given)
        except ValidationError:
            continue  # it does not go with what was told
        said.append(each.words)
    return parameters, said, found.open if others is None else []


def told_fields(told: Parameters) -> set[str]:
    """Fields that are not what they are untold."""
    plain = Parameters()
    names = type(told).model_fields
    return {name for name in names if getattr(told, name) != getattr(plain, name)}


def _other_optimizer(told: Parameters, found: list[Proposal]) -> str | None:
    """The optimiser that the file has, where a person told another."""
    own = next((p.fields["optimizer"] for p in found if "optimizer" in p.fields), None)
    return None if told.optimizer in (None, own) else own


def _kept(each: Proposal, told: Parameters, others: str | None) -> dict[str, Any]:
    """The fields of a proposal that nobody told."""
    known, fields = told_fields(told), dict(each.fields)
    if others is not None and (_OF_OPTIMIZER | {"weight_decay"}) & set(fields):
        return {}
    for group in _TOGETHER:
        if group & known and group & set(fields):
            return {}
    if "lr_sum" in fields and (_RATES - {"steps"} | {"lr_sum"}) & known:
        fields = {k: v for k, v in fields.items() if k == "steps"}
    if "lr_sum" in known:
        fields.pop("schedule", None)
    return {name: value for name, value in fields.items() if name not in known}
