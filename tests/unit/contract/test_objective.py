"""What may be told of a loss: torch's names for it, and what cannot go together."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from minimascope.contract.objective import TORCH_LOSSES, ObjectiveParameters, ReportedLoss
from minimascope.contract.parameters import Parameters
from minimascope.objective.loss import LossName as ComputedName
from minimascope.objective.named import KINDS


def test_torchs_criteria_are_losses_and_links() -> None:
    told = {name: ObjectiveParameters.model_validate({"loss": name}) for name in TORCH_LOSSES}
    assert {name: (each.loss, each.link) for name, each in told.items()} == {
        "CrossEntropyLoss": ("cross_entropy", "logits"),
        "NLLLoss": ("cross_entropy", "log_probabilities"),
        "BCEWithLogitsLoss": ("binary", "logits"),
        "BCELoss": ("binary", "probabilities"),
        "MSELoss": ("torch_mse", None),
    }
    for each in told.values():  # what was stored is read again
        assert ObjectiveParameters.model_validate_json(each.model_dump_json()) == each


def test_every_name_of_the_contract_is_computed() -> None:
    names = set(ComputedName.__args__)  # type: ignore[attr-defined]
    assert names == set(get_args(ReportedLoss))
    names -= {"custom"}  # a criterion of a script, which nobody can ask for by name
    assert set(KINDS) == names
    for name in names:
        assert Parameters.model_validate({"loss": name}).loss == name


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"loss": "mse", "label_smoothing": 0.1}, "the loss mse takes no label smoothing"),
        ({"loss": "binary", "class_weights": [1, 2]}, "the loss binary takes no class weights"),
        ({"loss": "cross_entropy", "pos_weight": [2]}, "takes no weights of positives"),
        ({"loss": "MSELoss", "ignore_index": 1}, "the loss torch_mse takes no label to ignore"),
        ({"loss": "mse", "link": "probabilities"}, "the loss mse has no link"),
        ({"loss": "binary", "link": "log_probabilities"}, "takes logits or probabilities"),
        ({"loss": "BCELoss", "link": "logits"}, "BCELoss takes probabilities, not the link"),
        ({"class_weights": [0, 0]}, "class_weights has no positive weight"),
        ({"class_weights": [1, -1]}, "greater than or equal to 0"),
        ({"class_weights": [1, float("nan")]}, "finite number"),
        ({"loss": "binary", "pos_weight": [0]}, "greater than 0"),
        ({"label_smoothing": 1.0}, "less than 1"),
        ({"loss": "hinge"}, "cross_entropy"),
    ],
)
def test_what_cannot_go_together_is_said(told: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ObjectiveParameters.model_validate(told)
