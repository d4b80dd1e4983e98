"""Sections made from results of the numerics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from pydantic import ValidationError

from minimascope.contract.report.sections import Estimate, Numbers, Section


class Pair(NamedTuple):
    value: float
    standard_error: float | None


@dataclass(frozen=True)
class Found:
    values: np.ndarray
    best: Pair
    inner: str = "no field of the section"


class Shown(Section):
    values: Numbers
    best: Estimate
    note: str = ""


FOUND = Found(np.array([0.1, np.nan]), Pair(1 / 3, None))


def test_fields_of_one_name_are_taken_with_every_digit() -> None:
    shown = Shown.of(FOUND)
    assert shown.values[0] == 0.1
    assert shown.best == Estimate(value=1 / 3)
    assert shown.model_dump_json().startswith('{"values":[0.1,null]')


def test_what_is_said_beside_goes_before_what_was_found() -> None:
    shown = Shown.of(FOUND, best=Pair(2.0, 1.0), note="two")
    assert (shown.best.value, shown.note) == (2.0, "two")


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="values"):
        Shown.of(Pair(1.0, None), best=Pair(1.0, None))
