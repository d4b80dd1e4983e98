"""A budget of seconds: what it leaves is computed, what it does not is said, and it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import minimascope
from minimascope.analysis import budget, fitting
from minimascope.analysis.costs import gap as gap_costs
from minimascope.analysis.costs.boundary import boundary_seconds
from minimascope.analysis.costs.margins import margins_seconds
from minimascope.analysis.session import drawing
from minimascope.analysis.stages import gap
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.minimum import prepare
from minimascope.curvature.running.deadline import OutOfTimeError, kept, left, within
from minimascope.curvature.sweep import route
from tests.cases.script import TEST, N, Trained, trained

PLAN = SimpleNamespace(
    seconds=1.0,
    seconds_range=(0.5, 1.0),
    seconds_per_product=1e-3,
    operator=SimpleNamespace(graph_bytes=1000),
)


@pytest.fixture(scope="module")
def script() -> Trained:
    return trained(epochs=10)


def asked(script: Trained, **more: Any) -> Any:
    told = {"progress": False, "top_k": 2, "stages": ["spectrum"], **more}
    data, test = (script.X, script.y), script.test
    return minimascope.analyze(
        script.model, data, script.criterion, script.optimizer, test=test, **told
    )


def test_past_the_end_every_operation_ends() -> None:
    with within(None):
        assert left() == float("inf")
    with within(0.0):
        with within(100.0):  # the first one stays
            assert left() == 0.0
        assert float(torch.ones(1) + 1) == 2  # nobody keeps it yet
        with kept(), pytest.raises(OutOfTimeError):
            torch.ones(1) + 1
        with kept(least=100.0):
            assert left() > 50
            assert float(torch.ones(1) + 1) == 2
    assert float(torch.ones(1) + 1) == 2


def test_with_time_enough_numbers_are_those_without_a_budget(script: Trained) -> None:
    every = {"stages": ["spectrum", "density", "gap", "boundary", "margins"]}
    plain, found = asked(script, **every), asked(script, **every, seconds=500)
    assert found.failures == plain.failures == []
    assert found.spectrum.eigenvalues == plain.spectrum.eigenvalues
    assert found.margins == plain.margins
    assert found.gap.headline == plain.gap.headline
    assert found.data == plain.data
    look = found.first_look
    assert (look.examples, look.total) == (N, N)
    top = plain.spectrum.eigenvalues[0]
    assert look.lambda_1.low <= top <= look.lambda_1.high
    assert plain.first_look is None
    assert "λ₁ at first" in str(found)


@pytest.mark.parametrize(
    ("seconds", "row", "examples"),
    [
        (60.0, 1e-4, 18_000),  # 3% of the time
        (60.0, 0.1, 32),  # so few are a tenth of it
        (60.0, 1.2, 10),  # sequences through a large language model: a fifth of it
        (10.0, 5.0, 2),
    ],
)
def test_no_more_is_drawn_than_there_is_time_to_pass_over(
    seconds: float, row: float, examples: int
) -> None:
    assert drawing.most(seconds / row) == examples


def test_a_pass_that_is_too_long_is_over_a_sample_with_its_errors(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "row_time", lambda _: 1.0)
    monkeypatch.setattr(drawing, "FEWEST", 20)
    found = asked(script, seconds=300, stages=["spectrum", "gap"])
    train, test = found.data.train, found.data.test
    assert (train.n, train.total) == (20, N)
    assert (test.n, test.total) == (20, TEST)
    assert train.loss_error > 0
    assert train.accuracy_error is not None
    assert found.gap is None
    assert any("gap" in each for each in found.warnings)
    assert (found.first_look.seen, found.first_look.total) == (20, N)
    sample = found.spectrum.sample
    assert (sample.examples, sample.total) == (10, N)
    assert "of 36 examples" in str(found)


def test_what_does_not_fit_is_left_out_and_said(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 10.0, "density": 40.0, "gap": 5.0, "margins": 900.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    monkeypatch.setattr(fitting, "_coarser", lambda *_: {"margins": 899.0})  # and still too long
    found = asked(script, seconds=60, stages=["spectrum", "density", "gap", "margins"])
    assert found.spectrum is not None
    assert found.margins is None
    assert any("Left out: margins; about 15 min" in each for each in found.warnings)


def test_stages_that_are_too_long_share_what_there_is() -> None:
    costs: dict[Stage, float] = {"density": 2.0, "boundary": 50.0, "margins": 20.0}
    assert fitting.shared(costs, 32.0) == {"density": 2.0, "margins": 15.0, "boundary": 15.0}
    assert fitting.shared(costs, 100.0) == costs


def test_what_is_too_long_alone_takes_no_other_stage_with_it(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 1.0, "gap": 500.0, "margins": 3.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    found = asked(script, seconds=60, stages=["spectrum", "gap", "margins"])
    assert found.gap is None
    assert found.margins is not None
    assert any("Left out: gap" in each for each in found.warnings)


def test_a_gap_that_is_nothing_before_its_end_is_begun_with_time_to_spare_alone(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 1.0, "gap": 30.0, "margins": 3.0}  # an exact one
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    found = asked(script, seconds=60, stages=["spectrum", "gap", "margins"])
    assert found.gap is None
    assert found.margins is not None
    assert found.failures == []
    costs["gap"] = 15.0
    assert asked(script, seconds=60, stages=["spectrum", "gap", "margins"]).gap is not None


def test_a_gap_that_is_too_long_however_little_it_draws_takes_no_other_stage_with_it(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 1.0, "gap": 3600.0, "boundary": 9.0, "margins": 9.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    monkeypatch.setattr(route, "MOST_FLOPS", 1.0)  # its examples are drawn
    monkeypatch.setattr(fitting, "_whole", lambda _: [])
    least = {"gap": 720.0, "boundary": 2.0, "margins": 2.0}  # of both there is time for all
    monkeypatch.setattr(
        fitting, "stage_costs", lambda *_, allowed, **__: {k: least[k] for k in allowed}
    )
    found = asked(script, seconds=60, stages=["spectrum", "gap", "boundary", "margins"])
    assert found.gap is None
    assert found.boundary is not None
    assert found.margins is not None
    left_out = [each for each in found.warnings if "Left out" in each]
    assert left_out == ["Left out: gap; about 60 min, too long."]
    assert not [each for each in found.warnings if "looks at less" in each]
    assert found.margins.l2.searched is None  # all points are


def test_what_was_left_out_is_done_where_the_others_were_quick(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 40.0, "density": 3.0, "margins": 20.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    monkeypatch.setattr(fitting, "_coarser", lambda *_: {})
    found = asked(script, seconds=60, stages=["spectrum", "density", "margins"])
    assert found.spectrum.density is not None
    assert found.margins is not None
    assert not [each for each in found.warnings if "Left out" in each]


def test_a_spectrum_that_is_too_long_takes_only_what_needs_it(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A language model's: its gap has all of the time then, not the share that it had of it."""
    costs: dict[Stage, float] = {"spectrum": 9e3, "gap": 5e3, "density": 1.0, "margins": 1.0}
    monkeypatch.setattr(route, "MOST_FLOPS", 1.0)  # examples are drawn
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    shares = list[float]()
    real = gap.answer

    def heard(*given: Any, **more: Any) -> Any:
        shares.append(more["seconds"])
        return real(*given, **more | {"seconds": 10.0})

    monkeypatch.setattr(gap, "answer", heard)
    found = asked(script, seconds=600, stages=[*costs])
    assert found.gap is not None
    assert found.spectrum is None
    left_out = {each for each in found.warnings if "Left out" in each}
    assert {each.split(": ")[1].split(";")[0] for each in left_out} == {*costs} - {"gap"}
    assert shares[0] > 300


def test_less_time_is_less_looked_at_down_to_the_least(script: Trained) -> None:
    minimum = prepare(script.model, script.X, script.y)
    told = {"vectors": 2, "slower": 2.0}
    for seconds in (margins_seconds, boundary_seconds):
        every = seconds(minimum, **told)
        assert seconds(minimum, **told, seconds=1e9) == every
        least = seconds(minimum, **told, seconds=0.0)
        assert least < seconds(minimum, **told, seconds=every / 2) < every


def test_less_is_looked_at_and_every_stage_is_there(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fitting.predicted

    def dear(*given: Any) -> Any:
        plan, costs = real(*given)
        coarser = ("density", "boundary", "margins")
        return plan, {stage: 1e3 if stage in coarser else 0.5 for stage in costs}

    monkeypatch.setattr(fitting, "predicted", dear)
    monkeypatch.setattr(fitting, "slower_than_counted", lambda _: 1e4)
    every = {"stages": ["spectrum", "density", "gap", "boundary", "margins"]}
    found = asked(script, seconds=60, **every)
    assert found.failures == []
    assert found.margins.l2.searched == 32
    assert found.spectrum.density is not None
    assert found.boundary is not None
    assert sum("looks at less" in each for each in found.warnings) == 3


@pytest.mark.parametrize("others", [{"spectrum": 1.0}, {}])
def test_a_gap_of_drawn_examples_ends_with_its_share(
    script: Trained, others: dict[Stage, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone as well: all of the time is its share then, and not more than there is."""
    monkeypatch.setattr(route, "MOST_FLOPS", 1.0)
    costs: dict[Stage, float] = {**others, "gap": 500.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    found = asked(script, seconds=60, stages=[*costs])
    assert found.gap is not None
    assert found.gap.route == "matrix_free"
    assert any("gap looks at less" in each for each in found.warnings)


def test_an_exact_gap_that_is_too_long_leaves_out_some_of_the_examples(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 1.0, "gap": 500.0, "margins": 3.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    monkeypatch.setattr(gap_costs, "OPERATION_SECONDS", 1.0)  # a sample is quicker
    found = asked(script, seconds=60, stages=[*costs])
    assert found.failures == []
    assert found.gap.route == "matrix_free"
    assert "budget leaves" in found.gap.route_reason
    assert found.gap.estimates["alo_ggn"].standard_error > 0
    assert any("gap looks at less" in each for each in found.warnings)
    assert asked(script, seconds=3000, stages=[*costs]).gap.route != "matrix_free"


def test_what_others_that_are_given_up_leave_makes_a_gap_exact_again(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[Stage, float] = {"spectrum": 1.0, "gap": 20.0, "margins": 50.0}
    monkeypatch.setattr(fitting, "predicted", lambda *_: (PLAN, costs))
    monkeypatch.setattr(gap_costs, "OPERATION_SECONDS", 1.0)
    least = {"gap": 2.0, "margins": 59.0}
    monkeypatch.setattr(
        fitting, "stage_costs", lambda *_, allowed, **__: {k: least[k] for k in allowed}
    )
    found = asked(script, seconds=60, stages=[*costs])
    assert found.margins is None
    assert found.gap.route != "matrix_free"
    assert not [each for each in found.warnings if "looks at less" in each]


def test_a_stage_that_was_planned_too_short_ends_with_the_time(
    script: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minimascope.analysis import run

    def endless(_: object) -> None:
        while True:
            torch.ones(1).sum()

    monkeypatch.setitem(run.STAGE_FUNCTIONS, "gap", endless)
    monkeypatch.setattr(budget, "fitting", lambda session, _: (session.parameters, []))
    found = asked(script, seconds=3, stages=["spectrum", "gap"])
    assert [each.code for each in found.failures] == ["out_of_time"]
    assert found.spectrum is not None


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "long"])
def test_a_budget_that_is_none_is_refused(script: Trained, seconds: Any) -> None:
    with pytest.raises(ProblemError, match="seconds") as caught:
        asked(script, seconds=seconds)
    assert caught.value.code == "invalid_parameters"


def test_no_time_at_all_is_one_sentence(script: Trained) -> None:
    with pytest.raises(ProblemError, match="over before") as caught:
        asked(script, seconds=1e-6)
    assert caught.value.code == "out_of_time"


def test_it_is_a_parameter_like_any_other() -> None:
    assert Parameters(seconds=60).seconds == 60
