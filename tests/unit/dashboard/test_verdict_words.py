"""The verdict on page, list and compare: every word, the range bar, the checklist."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.components.chip import verdict_chip
from dashboard.components.range_bar import Range, range_bar, scale_of
from dashboard.components.words import VERDICTS
from dashboard.pages.analysis.answer import answer, range_panel
from dashboard.pages.analysis.layout import failure_notice
from dashboard.pages.compare.layout import content
from dashboard.pages.compare.measures import Minimum, cell
from dashboard.pages.compare.tables import numbers_table
from dashboard.pages.home.listing import row as listed_row
from minimascope.analysis.run import ended_as
from minimascope.contract.report import Failure, Finding, Gap, Report
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.contract.report.sentences import nats
from minimascope.contract.schemas import KeyNumbers, ListedAnalysis
from tests.cases.reference_report import Found

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OLD = ("lower_bound", "upper_leaning", "not_a_minimum", "too low", "too high", "within a factor")


def text(component: Any) -> str:
    return json.dumps(component.to_plotly_json(), default=lambda x: x.to_plotly_json())


def with_gap(report: Report, **changed: Any) -> Report:
    assert report.gap is not None
    return report.model_copy(update={"gap": report.gap.model_copy(update=changed)})


def gap_of(report: Report) -> Gap:
    assert report.gap is not None
    return report.gap


@pytest.mark.parametrize("name", ["reliable", "uncertain", "no_estimate"])
def test_every_verdict_has_its_words_everywhere(gauss: Found, name: Any) -> None:
    headline = None if name == "no_estimate" else gap_of(gauss[0]).headline
    report = with_gap(gauss[0], verdict=name, headline=headline)
    said = text(answer(report, again="/upload"))
    assert ("Expect test loss" in said) == (headline is not None)
    assert ("No estimate of how far" in said) == (headline is None)
    assert ('"answer good"' in said) == (name == "reliable")
    assert VERDICTS[name] in text(verdict_chip(name))
    numbers = KeyNumbers(id="a", name="", state="done", verdict=name)
    row = numbers_table([Minimum(numbers)]).to_plotly_json()["props"]["children"][1]
    assert VERDICTS[name] in text(row)
    listed = ListedAnalysis(
        id="a", name="", state="done", stages=[], created_at=NOW, checkpoint="", train=""
    )
    assert VERDICTS[name] in text(listed_row(listed, numbers))
    assert not [word for word in OLD if word in said]


def test_the_page_states_the_coverage_measured_and_the_checks(gauss: Found) -> None:
    said = text(answer(gauss[0], again="/upload"))
    assert "held the measured gap" in said
    assert "Why: 0 of 2 checks hold, 1 not told" in said
    assert "temperature ≤ 0.01; at most 1.2" in said or "; at most 1.2)" in said
    assert "On the test set the gap is" in said
    assert "What was told of the training" in said
    assert "L-BFGS" in said


def test_a_finding_about_the_objective_stands_open(gauss: Found) -> None:
    assert gauss[0].objective is not None
    found = Finding(sentence="A minimum of smoothed labels.", flags={"label_smoothing": 0.1})
    objective = gauss[0].objective.model_copy(update={"findings": [found]})
    said = text(answer(gauss[0].model_copy(update={"objective": objective}), again="/upload"))
    assert "A minimum of smoothed labels." in said
    assert said.index("A minimum of smoothed labels.") < said.index("Why: ")


def test_folds_and_a_test_set_are_offered_wherever_the_interval_is_not_enough(
    gauss: Found,
) -> None:
    assert "cross-validat" in text(answer(gauss[0], again="/upload"))
    untested = gauss[0].data.model_copy(update={"test": None})
    report = gauss[0].model_copy(update={"data": untested})
    assert "Add a test set" in text(answer(report, again="/upload"))
    assert "Add a test set" not in text(answer(gauss[0], again="/upload"))


def test_a_disowned_number_is_shown_small_and_ranked_nowhere(gauss: Found) -> None:
    gap = gap_of(with_gap(gauss[0], headline=None, verdict="no_estimate"))
    report = with_gap(gauss[0], headline=None, verdict="no_estimate")
    left_out = gap.estimates["alo_ggn"].value
    assert left_out is not None
    said = text(range_panel(report))
    assert f"not used: {nats(left_out)}" in said
    assert "range-unused" in said
    assert "range-estimate" not in said
    numbers = key_numbers(report)
    assert numbers["gap_not_used"] == left_out
    assert "gap_estimate" not in numbers
    assert gap_of(gauss[0]).disowned is None


def style(bar: Any, name: str) -> dict[str, str]:
    line = next(part.children for part in bar.children if part.className == "range-line")
    return next(part.style for part in line if part.className == name)


def test_a_range_bar_is_to_scale() -> None:
    shared = scale_of([Range(measured=0.4)])
    bar = range_bar(Range(0.1, (0.08, 0.13), (0.05, 0.2), 0.07, 0.01), scale=shared)
    assert bar is not None
    share = {"left": f"{100 * 0.05 / 0.432:.2f}%", "width": f"{100 * 0.15 / 0.432:.2f}%"}
    assert style(bar, "range-ninety") == share
    assert style(bar, "range-measured") == {"left": f"{100 * 0.07 / 0.432:.2f}%"}
    assert getattr(bar, "aria-label") == (
        "estimate 0.10, half 0.08 to 0.13, 90% 0.05 to 0.20; measured 0.070 ± 0.010"
    )


def test_a_range_bar_without_an_estimate_has_the_measured_gap_alone() -> None:
    bar = range_bar(Range(measured=-0.02, error=0.05))
    assert bar is not None
    line = next(part.children for part in bar.children if part.className == "range-line")
    assert [part.className for part in line] == ["range-zero", "range-error", "range-measured"]
    # from -0.07 to 0.03, and 8% beyond on both sides
    assert style(bar, "range-zero") == {"left": "70.00%"}
    assert style(bar, "range-measured") == {"left": f"{100 * (0.0756 - 0.02) / 0.108:.2f}%"}
    assert range_bar(Range()) is None


def test_a_disowned_gap_sorts_with_the_unknown_ones() -> None:
    listed = ListedAnalysis(
        id="a", name="", state="done", stages=[], created_at=NOW, checkpoint="", train=""
    )
    numbers = KeyNumbers(id="a", name="", state="done", gap_not_used=2.4, verdict="no_estimate")
    assert "data-by-gap" not in text(listed_row(listed, numbers))
    measured = numbers.model_copy(update={"gap_measured": 0.1})
    assert '"data-by-gap": "0.1"' in text(listed_row(listed, measured))


def test_compare_shows_ranges_on_one_scale_and_intervals_in_the_table() -> None:
    numbers = [
        KeyNumbers(
            id=name,
            name=name,
            state="done",
            verdict="uncertain",
            gap_estimate=value,
            gap_half=(0.8 * value, 1.3 * value),
            gap_ninety=(0.5 * value, 2.2 * value),
            gap_measured=value,
            gap_measured_error=0.1 * value,
            gap_lies="inside",
        )
        for name, value in (("a", 0.1), ("b", 0.4))
    ]
    minima = [Minimum(each) for each in numbers]
    said = text(content(minima, {}))
    assert said.count("0.95 nats") == 2
    assert said.count("inside the 90% interval") == 2
    assert cell(minima[0], "gap_estimate") == "0.10 (0.05 to 0.22)"
    assert cell(minima[0], "gap_measured") == "0.100 ± 0.010"
    assert minima[0].errors("gap_estimate") == pytest.approx((0.05, 0.12))
    assert minima[0].errors("gap_measured") == pytest.approx((0.01, 0.01))
    assert minima[0].errors("n90") is None


@pytest.mark.parametrize(("code", "red"), [("not_computable", False), ("fault", True)])
def test_what_cannot_apply_is_no_error(code: str, red: bool) -> None:
    failure = Failure(stage="boundary", code=code, sentence="Regression has no boundary.")
    said = text(failure_notice(failure, ["Boundary"]))
    assert ("notice-bad" in said) is red
    assert ("does not apply" in said) is not red
    assert ended_as(failure) == ("failed" if red else "skipped")


def test_what_is_not_there_is_to_come_or_was_not_asked_for(gauss: Found) -> None:
    short = gauss[0].model_copy(update={"gap": None, "margins": None})
    assert "not asked for" in text(answer(short, again="", final=True))
    assert "not computed yet" in text(answer(short, again=""))
    gone = Failure(stage="gap", code="not_computable", sentence="No likelihood.")
    without = short.model_copy(update={"failures": [gone]})
    assert "does not apply" in text(answer(without, again="", final=True))
