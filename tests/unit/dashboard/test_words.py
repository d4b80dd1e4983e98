"""Numbers in words: rounding to the error, powers of ten, requests from the form."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from dashboard.app import ASSETS
from dashboard.components.words import level, number, with_error
from dashboard.pages.analysis.absence import absence
from dashboard.pages.analysis.key_numbers import eigenvalue_kpi, margin_kpi, soft_rank_kpi
from dashboard.pages.analysis.sample_words import budget_words, sample_words
from dashboard.pages.compare.levels import place_of, power_of, spans
from dashboard.pages.compare.measures import (
    Levels,
    Minimum,
    cell,
)
from dashboard.pages.compare.ranks import (
    ranking,
    rho_against_gap,
    tau_against_gap,
    tau_interval,
    undistinguished,
)
from dashboard.pages.compare.tables import numbers_table
from dashboard.pages.upload.request import request_of
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import (
    Bracket,
    Counts,
    Estimate,
    Failure,
    FirstLook,
    Interval,
    SpectrumSample,
)
from minimascope.contract.report.sentences import is_left_out, left_out
from minimascope.contract.schemas import KeyNumbers
from tests.cases.reference_report import Found


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.1131504, "0.113"), (9.27e-4, "9.27·10⁻⁴"), (None, "—"), (0.0, "0"), (-2.5, "−2.50")],
)
def test_number_has_three_digits(value: float | None, words: str) -> None:
    assert number(value) == words


TYPE = ("label", "text", "head", "say", "home")


def test_a_value_is_rounded_to_two_digits_of_its_error() -> None:
    assert with_error(0.0931234, 0.0364) == ("0.093", "± 0.036")
    assert with_error(9.27e-4, 4.64e-4) == ("9.3·10⁻⁴", "± 4.6·10⁻⁴")


def test_powers_of_ten_are_written_bare() -> None:
    assert level(1e-3) == "10⁻³"


def test_where_there_is_no_number_the_strip_says_why(gauss: Found) -> None:
    report = gauss[0]
    assert margin_kpi(report.model_copy(update={"margins": None})).note == "not computed yet"
    failed = Failure(stage="margins", code="not_computable", sentence="Token ids have no margins.")
    without = report.model_copy(update={"margins": None, "failures": [failed]})
    assert margin_kpi(without).note == "does not apply"
    assert soft_rank_kpi(report).value == "9.13"


def test_a_soft_rank_that_is_none_says_which_of_two_reasons_it_has(gauss: Found) -> None:
    report = gauss[0]
    estimates = report.gap.estimates | {"soft_rank_ggn": Estimate(value=None)}
    for known, why in ((report.gap.lambda_, "time was over"), (None, "λ is not known")):
        gap = report.gap.model_copy(update={"estimates": estimates, "lambda_": known})
        assert why in soft_rank_kpi(report.model_copy(update={"gap": gap})).note


def test_a_sample_of_margins_is_called_one_with_its_error(gauss: Found) -> None:
    margins = gauss[0].margins
    assert margins is not None
    drawn = {"searched": 32, "median": Bracket(upper=0.5), "median_standard_error": 0.04}
    sampled = margins.model_copy(update={"l2": margins.l2.model_copy(update=drawn)})
    note = margin_kpi(gauss[0].model_copy(update={"margins": sampled})).note
    n = gauss[0].data.train.n
    assert note == f"median 0.500 ± 0.04; not bounded below; 32 of {n} examples searched"
    assert "searched" not in margin_kpi(gauss[0]).note


def test_a_spectrum_of_some_examples_says_between_what_the_wholes_lies(gauss: Found) -> None:
    spectrum = gauss[0].spectrum
    assert spectrum is not None
    assert "of all" not in eigenvalue_kpi(gauss[0]).note
    on_all = [Estimate(value=0.0833, standard_error=0.0201)] * len(spectrum.eigenvalues)
    sample = SpectrumSample(examples=1000, total=12000, held_out=1000, on_all=on_all)
    sampled = spectrum.model_copy(update={"sample": sample})
    report = gauss[0].model_copy(update={"spectrum": sampled})
    shown, top = eigenvalue_kpi(report), spectrum.eigenvalues[0]
    assert shown.value == f"{number(0.0833 - 2 * 0.0201)} to {number(top)}"
    assert shown.note == "of all 12\u202f000\u00a0examples, from a sample of 1\u202f000"
    # A first look that knows it better, and one that does not.
    for half, better in ((0.01, True), (0.1, False)):
        known = Interval(value=0.095, low=0.095 - half, high=0.095 + half)
        look = FirstLook(
            examples=64, seen=12000, total=12000, trace=known, lambda_1=known, seconds=6.0
        )
        found = eigenvalue_kpi(report.model_copy(update={"first_look": look}))
        assert (found.value == "0.0950") is better
        assert ("from all examples" in found.note) is better
    said = sample_words(gauss[0], sampled, sample)
    assert "1\u202f000 of the 12\u202f000\u00a0training examples" in said
    assert said.endswith(
        f"(on average over samples) the sample's, {number(spectrum.eigenvalues[0])}."
    )


def test_a_budget_says_what_it_looked_at_and_how_far_that_holds(gauss: Found) -> None:
    report = gauss[0]
    assert budget_words(report) == []
    top, trace = Interval(value=1.6, low=1.2, high=2.1), Interval(value=18.0, low=16.0, high=20.0)
    look = FirstLook(examples=64, seen=128, total=1500, trace=trace, lambda_1=top, seconds=6.0)
    drawn = {"n": 75, "total": 50000, "loss_error": 0.02, "accuracy_error": 0.05}
    data = report.data.model_copy(update={"train": report.data.train.model_copy(update=drawn)})
    found = report.model_copy(update={"spectrum": None, "first_look": look, "data": data})
    sampled, first, second = budget_words(found)
    assert "75 of 50\u202f000\u00a0training examples were looked at: loss " in sampled
    assert "± 0.02" in sampled
    assert first.startswith("At first sight λ₁ is 1.60 (95%: 1.20 to 2.10, from 128")
    assert second.startswith("At first sight the trace of H is 18.0 (95%: 16.0 to 20.0")
    shown = eigenvalue_kpi(found)
    assert (shown.value, shown.note) == (
        "1.60",
        "95%: 1.20 to 2.10, from 128 of 1\u202f500 examples",
    )


def values(**changed: str) -> dict[str, Any]:
    given = {"family": "mlp", "activation": "relu", "loss": "cross_entropy"}
    return {**given, "weight_decay": "1e-3", **changed}


FILES = {"checkpoint": {"id": "a" * 64}, "train": {"id": "b" * 64}}


def test_the_form_becomes_a_request() -> None:
    request = request_of(values(lambdas="1e-4, 1e-2", examples=" 500"), FILES)
    assert request.parameters.spectrum_examples == 500
    assert request_of(values(), FILES).parameters.spectrum_examples is None
    assert request.parameters.weight_decay == 1e-3
    assert request.parameters.lambdas == [1e-4, 1e-2]


def test_fields_that_do_not_count_are_left_out_and_the_rest_is_read() -> None:
    told = {
        "optimizer": "adamw",
        "betas": "0.9, 0.99",
        "momentum": "nonsense of another optimiser",
        "trainable": "head.*, norm.*",
        "augmentation": "no",
        "pos_weight": "3",
        "class_weights": "1, 2.5",
    }
    found = request_of(values(**told), FILES).parameters
    assert (found.optimizer, found.betas, found.momentum) == ("adamw", (0.9, 0.99), None)
    assert found.trainable == ["head.*", "norm.*"]
    assert (found.augmentation, found.dropout) == (False, None)
    assert (found.class_weights, found.pos_weight) == ([1.0, 2.5], None)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("weight_decay", "lots"), ("weight_decay", "-1"), ("top-k", "1.5"), ("lambdas", "1;2")),
        *(("examples", "half"), ("examples", "0")),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(field: str, text: str) -> None:
    with pytest.raises(ProblemError, match=text.replace(".", r"\.")):
        request_of(values(**{field: text}), FILES)


def test_a_missing_training_set_is_said() -> None:
    with pytest.raises(ProblemError, match="No training set"):
        request_of(values(), {"checkpoint": {"id": "a"}})


def test_tau_is_one_for_the_same_order() -> None:
    items = [
        Minimum(KeyNumbers(id=str(i), name="", state="done", gap_measured=i, lambda_max=2.0 * i))
        for i in range(8)
    ]
    assert tau_against_gap(items, "lambda_max") == pytest.approx(1.0, abs=1e-12)
    assert tau_against_gap(items[:7], "lambda_max") is None


def test_rank_correlations_are_those_of_the_formulas() -> None:
    # λ₁ orders the gaps 0 … 7 with 1 and 2 exchanged: one pair of 28 discordant, Σd² = 2
    items = [
        Minimum(KeyNumbers(id=str(i), name="", state="done", gap_measured=i, lambda_max=top, n90=7))
        for i, top in enumerate((0.5, 2.0, 1.0, 30.0, 40.0, 50.0, 60.0, 70.0))
    ]
    assert tau_against_gap(items, "lambda_max") == pytest.approx(26 / 28, abs=1e-12)
    assert rho_against_gap(items, "lambda_max") == pytest.approx(1 - 6 * 2 / (8 * 63), abs=1e-12)
    # what is the same everywhere orders nothing
    assert tau_against_gap(items, "n90") is None
    assert rho_against_gap(items, "n90") is None


def test_the_interval_of_tau_is_that_of_fieller_and_narrows_with_more_minima() -> None:
    # atanh(0.5) ± 1.96 √(0.437 / 4), by hand
    assert tau_interval(0.5, 8) == pytest.approx((-0.0985, 0.8327), abs=1e-3)
    low, high = tau_interval(0.5, 80)
    assert 0.3 < low < 0.5 < high < 0.65


def test_test_loss_is_not_ranked_against_the_gap_it_is_part_of() -> None:
    items = [
        Minimum(KeyNumbers(id=str(i), name="", state="done", gap_measured=i, test_loss=2.0 * i))
        for i in range(9)
    ]
    assert "test_loss" not in {rank.measure for rank in ranking(items)}
    assert tau_against_gap(items, "test_loss") is None


def test_a_ranking_says_which_values_are_equal_and_starts_with_the_gap() -> None:
    values = [(0.3, 2), (0.1, 2), (0.2, 1)]
    items = [
        Minimum(KeyNumbers(id=str(i), name="", state="done", gap_measured=gap, outliers=outliers))
        for i, (gap, outliers) in enumerate(values)
    ]
    found = {rank.measure: rank.order for rank in ranking(items)}
    assert next(iter(found.items())) == ("gap_measured", "B < C < A")
    assert found["outliers"] == "C < A = B"


def test_many_minima_stand_below_each_other_and_name_what_is_the_same() -> None:
    items = [
        Minimum(KeyNumbers(id=str(i), name=f"run {i}", state="done", n90=i, outliers=3))
        for i in range(8)
    ]
    table = numbers_table(items).to_plotly_json()["props"]["children"]
    head = [cell.children for cell in table[0].children.children[1:]]
    assert head == ["Verdict", "Outliers above 0.1 λ₁", "n₉₀"]
    rows = table[1].children
    assert len(rows) == 8
    assert [cell.className for cell in rows[0].children[1:]] == ["same", "same", ""]


def test_a_table_of_minima_says_whose_spectrum_is_of_a_sample() -> None:
    items = [
        Minimum(KeyNumbers(id=name, name=name, state="done", spectrum_examples=drawn))
        for name, drawn in (("a", None), ("b", 500))
    ]
    rows = numbers_table(items).to_plotly_json()["props"]["children"][1].children
    said = {row.children[0].children: [cell.children for cell in row.children[1:]] for row in rows}
    assert said["Spectrum of"] == ["all examples", "500\u00a0examples"]
    plain = numbers_table(items[:1]).to_plotly_json()["props"]["children"][1].children
    assert "Spectrum of" not in [row.children[0].children for row in plain]


def test_an_activation_is_never_chosen_for_the_user() -> None:
    with pytest.raises(ProblemError, match="No activation has been chosen"):
        request_of(values(activation=""), FILES)


def test_a_checkpoint_that_holds_its_network_needs_no_architecture() -> None:
    request = request_of(values(family="file", activation=""), FILES)
    assert request.parameters.architecture is None


def crossing(identity: str, lower: float | None, upper: float) -> Minimum:
    numbers = KeyNumbers(
        id=identity,
        name="",
        state="done",
        closest_crossing=upper,
        closest_crossing_lower=lower,
        lambda_max=upper,
    )
    counts = Counts(threshold=[0.1, 1.0], count=[7, 2], standard_error=[None, None], source="")
    return Minimum(numbers, counts=counts, complexity={"epsilon": [0.1, 0.5], "g": [0.4, upper]})


def test_margins_whose_brackets_overlap_are_not_distinguished() -> None:
    minima = [crossing("a", 1.0, 2.0), crossing("b", 1.5, 3.0), crossing("c", 4.0, 5.0)]
    found = {rank.measure: rank.order for rank in ranking(minima)}
    assert found["closest_crossing"] == "A ≈ B < C"
    assert undistinguished(minima, "closest_crossing") == " (A, B not distinguished)"
    apart = [crossing("a", 1.9, 2.0), crossing("c", 4.0, 5.0)]
    assert undistinguished(apart, "closest_crossing") == ""
    assert cell(minima[0], "closest_crossing") == "at least 1.00, at most 2.00"


def test_compared_minima_are_counted_at_levels_that_all_of_them_have() -> None:
    minima = [crossing("a", 1.0, 2.0), crossing("b", 1.5, 3.0)]
    found = spans(minima)
    assert found.powers == (-16, 0)
    assert found.epsilons == [0.1, 0.5]
    assert power_of(None, found.powers, minima) == round(16 * math.log10(0.2))
    assert power_of("0.1", found.powers, minima) == -16
    assert power_of("nonsense", found.powers, minima) == power_of(None, found.powers, minima)
    assert place_of("0.6", found.epsilons) == 1
    at = found.levels(0, -16, 1)
    assert at == Levels(None, 0.1, 0.5)
    assert [m.value("count_at", at) for m in minima] == [7, 7]
    assert [m.value("g_at", at) for m in minima] == [2.0, 3.0]
    assert minima[0].value("count_at", Levels(threshold=30.0)) == 0
    assert minima[0].value("count_at", Levels(threshold=1e-3)) is None


def test_type_has_five_sizes() -> None:
    said = "".join(path.read_text() for path in sorted(ASSETS.glob("*.css")))
    sizes = set(re.findall(r"font(?:-size)?: ([^;}/]+)", said))
    assert sizes <= {f"var(--{name})" for name in TYPE} | {"inherit", "0", "0.75em"}
    assert set(re.findall(r"--(\w+): \d+px", said)) == set(TYPE)


def test_what_a_budget_left_out_was_asked_for(gauss: Found) -> None:
    without = {"boundary": None, "margins": None, "gap": None, "failures": []}
    warnings = [left_out(["margins", "boundary"], "about 4 s, too long"), left_out(["gap"], "why")]
    report = gauss[0].model_copy(update={**without, "warnings": warnings})
    for stage in ("gap", "boundary", "margins"):
        assert absence(report, stage, final=True) == "left out, as said"
        plain = report.model_copy(update={"warnings": []})
        assert absence(plain, stage, final=True) == "not asked for"
    assert not is_left_out(warnings, "spectrum")
