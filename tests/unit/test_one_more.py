"""A loss or a stage that is added is named wherever people read of it: CONTRIBUTING.md's lists."""

from __future__ import annotations

from typing import get_args

import pytest

from dashboard.components.words import STAGES as STAGES_IN_WORDS
from dashboard.pages.upload.layout import LOSSES as LOSSES_TO_CHOOSE
from minimascope.analysis.run import STAGE_FUNCTIONS, WEIGHTS
from minimascope.contract import objective as told
from minimascope.contract.report import STAGES
from minimascope.contract.report.sentences import LOSSES as LOSSES_IN_REPORTS
from minimascope.objective.loss import LossName
from minimascope.objective.named import KINDS, LOSSES
from minimascope.objective.relatives.kin import said_of


def test_every_loss_is_computed_asked_for_and_said() -> None:
    assert set(KINDS) == set(get_args(told.LossName)) == set(LOSSES_TO_CHOOSE)
    assert {*KINDS, "custom"} == set(get_args(LossName)) == set(LOSSES_IN_REPORTS)


@pytest.mark.parametrize("name", KINDS)
def test_every_loss_has_its_words_where_others_are_tried(name: str) -> None:
    assert said_of(LOSSES[name])


def test_every_stage_is_run_paced_and_said() -> None:
    assert set(STAGES) == set(STAGE_FUNCTIONS) == set(WEIGHTS) == set(STAGES_IN_WORDS)
