"""Without a budget an analysis that would take long gets one; any other does not know of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minimascope.analysis import usual
from minimascope.analysis.session import drawing
from minimascope.analysis.session.assembly import Opened
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.training.asked import Script, asked_of
from tests.cases.script import N, trained


@pytest.fixture(scope="module")
def opened() -> Opened:
    given = trained(epochs=2)
    data = (given.X, given.y)
    script = Script(given.model, data, given.criterion, given.optimizer, given.test)
    asked = asked_of(script, {"stages": ["spectrum"], "seed": 0})
    opened = asked.opened()
    limited = opened.parameters.model_copy(update={"seconds_at_most": 300.0})
    return replace(opened, parameters=limited)


def test_what_is_soon_done_is_as_it_was(opened: Opened) -> None:
    assert usual.within_usual(opened) is opened


def test_a_small_network_is_not_planned_before_its_first_picture(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual, "predicted", None)
    assert usual.within_usual(opened) is opened


def test_what_takes_longer_has_the_budget_and_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual, "SMALL", 0)
    monkeypatch.setattr(usual, "predicted", lambda *_: (None, {"spectrum": 400.0}))
    found = usual.within_usual(opened)
    assert found.parameters.seconds == 300.0
    assert found.minimum.n == N
    assert "400 s" in found.warnings[-1] or "7 min" in found.warnings[-1]


def test_what_does_not_fit_in_memory_gets_a_first_answer(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise ProblemError("does_not_fit", "This needs 90 GiB.")

    monkeypatch.setattr(usual, "SMALL", 0)
    monkeypatch.setattr(usual, "predicted", refused)
    assert usual.within_usual(opened).parameters.seconds == 300.0


def test_a_long_pass_is_drawn_from(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in (usual, drawing):
        monkeypatch.setattr(where, "row_time", lambda _: 1.0)
    monkeypatch.setattr(drawing, "FEWEST", 20)
    found = usual.within_usual(opened)
    assert (found.minimum.n, found.total.train) == (20, N)


def test_what_was_asked_stays(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usual, "row_time", lambda _: 1e6)
    for more in ({"seconds": 10.0}, {"seconds_at_most": None}):
        asked: Parameters = opened.parameters.model_copy(update=more)
        own = replace(opened, parameters=asked)
        assert usual.within_usual(own) is own
