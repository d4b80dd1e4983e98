"""What cannot be told together is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from minimascope.contract.parameters import Parameters

SGD = {"optimizer": "sgd", "lr": 0.1, "steps": 100}
ADAM = {"optimizer": "adam", "lr": 0.1, "steps": 100}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"schedule": "cosine"}, "schedule needs lr and steps, or give lr_sum"),
        ({"schedule": "cosine", "lr": 0.1}, "schedule needs lr and steps, or give lr_sum"),
        (SGD | {"schedule": "step", "lr_sum": 1.0}, "schedule and lr_sum both say"),
        (SGD | {"lr_sum": 11.0}, "lr_sum is 11, and 100 steps of at most 0.1 sum to 10 at most"),
        (ADAM | {"momentum": 0.9}, "momentum is SGD's, and the optimizer is Adam: leave it out"),
        (SGD | {"betas": (0.9, 0.99)}, "betas are those of Adam and AdamW"),
        ({"betas": (0.9, 0.99)}, "betas are those of Adam and AdamW"),
        (SGD | {"optimizer": "lbfgs", "schedule": "step"}, "a schedule says nothing of L-BFGS"),
        ({"decay_on": "matrices"}, "decay_on says where weight_decay acts, which was not given"),
        (
            {"decay_on": "matrices", "weight_decay": 0.1, "decay_table": {"*": 0.1}},
            "decay_table says where weight decay acts, and so does decay_on: give one",
        ),
        ({"trainable": []}, "trainable names no parameter"),
    ],
)
def test_what_cannot_be_told_together(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Parameters.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        SGD | {"momentum": 0.9, "schedule": "cosine"},
        {"lr": 0.1, "momentum": 0.9, "steps": 10, "weight_decay": 1e-3},
        ADAM | {"betas": (0.9, 0.999), "lr_sum": 5.0},
        {"optimizer": "adamw", "lr_sum": 5.0, "steps": 100},
        {"weight_decay": 0.1, "decay_on": "matrices"},
        {"decay_table": {"head.*": 0.1}},
        {"optimizer": "lbfgs", "weight_decay": 0.1, "trainable": ["head.*"]},
    ],
)
def test_what_people_tell_is_taken(given: dict[str, Any]) -> None:
    Parameters.model_validate(given)


@pytest.mark.parametrize(
    ("before", "fields", "after"),
    [
        (
            {"weight_decay": 0.1, "decay_on": "matrices", "top_k": 7},
            {"weight_decay": 0.0},
            {"weight_decay": 0.0, "top_k": 7},
        ),
        (
            {"decay_table": {"*": 0.1}},
            {"weight_decay": 0.2, "decay_on": "matrices"},
            {"weight_decay": 0.2, "decay_on": "matrices"},
        ),
        ({"class_weights": [1, 2]}, {"loss": "mse"}, {"loss": "mse"}),
        (
            {"lr": 1.0, "steps": 10, "lr_sum": 3.0},
            {"schedule": "cosine"},
            {"lr": 1.0, "steps": 10, "schedule": "cosine"},
        ),
        (
            {"loss": "binary"},
            {"link": "probabilities"},
            {"loss": "binary", "link": "probabilities"},
        ),
    ],
)
def test_changed_fields_take_the_place_of_what_says_the_same(
    before: dict[str, Any], fields: dict[str, Any], after: dict[str, Any]
) -> None:
    assert Parameters.model_validate(before).changed(fields) == Parameters.model_validate(after)
