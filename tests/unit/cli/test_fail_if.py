"""`--fail-if`: what a condition says of a report, what it cannot say, and that it runs nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimascope.cli import main
from minimascope.cli.fail_if import condition, shut
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from tests.cases.reference_report import Found
from tests.cases.script import trained


@pytest.fixture
def report(gauss: Found) -> Report:
    """With a headline whose numbers are known here."""
    document: dict[str, Any] = gauss[0].model_dump(by_alias=True)
    headline = {"name": "ALO", "value": 0.5, "half": (0.4, 0.6), "ninety": (0.25, 1.0)}
    document["gap"] |= {"headline": headline, "verdict": "uncertain"}
    return Report.model_validate(document)


TRUE = [
    "gap.headline.value > 0.4",
    "gap.headline.value >= 0.5",
    "gap.verdict != 'reliable'",
    "gap.verdict == 'uncertain' and gap.headline.ninety[1] == 1",
    "gap.headline.ninety[-1] / gap.headline.ninety[0] > 3.9",
    "0.2 < gap.headline.value < 0.6",
    "not gap.headline.value < 0.5",
    "gap.headline",
    "-gap.headline.value < 0 and True",
    "checkpoint.parameters > 10 or gap.headline.value > 100",
    "gap.headline.value * 2 - 1 + 1 > 0.9",
    "(gap.headline.value > 9) == False",
    "schema_version == '2'",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_is_so_shuts_the_gate_and_its_opposite_opens_it(text: str, report: Report) -> None:
    [said] = shut([condition(text)], report)
    assert text in said
    assert shut([condition(f"not ({text})")], report) == []


def test_the_sentence_has_the_numbers(report: Report) -> None:
    said = condition("gap.headline.value > 0.4").failing(report)
    assert said == "'gap.headline.value > 0.4' is so: gap.headline.value is 0.5."


def test_a_number_that_is_missing_shuts_the_gate_unless_it_is_asked_for(report: Report) -> None:
    assert report.gap is not None
    report.gap.headline = None
    said = condition("gap.headline.value > 0.5").failing(report)
    assert said is not None
    assert "this report has no gap.headline.value" in said
    assert shut([condition("gap.headline and gap.headline.value > 0.5")], report) == []
    report.gap = None
    assert condition("gap.headline.value > 0.5").failing(report)
    assert shut([condition("gap")], report) == []
    assert condition("spectrum.eigenvalues[9999] > 1").failing(report)
    assert condition("1 / (checkpoint.parameters - checkpoint.parameters) > 1").failing(report)


def test_a_number_that_is_nan_is_missing(report: Report) -> None:
    assert report.gap is not None
    assert report.gap.headline is not None
    report.gap.headline.value = float("nan")
    assert "has no gap.headline.value" in str(condition("gap.headline.value > 0").failing(report))


WRONG = {
    "gap.headlin.value > 1": "gap has no field 'headlin'; it has lambda_, headline",
    "gaps > 1": "the report has no field 'gaps'; it has schema_version",
    "gap.headline.value.real > 1": "'gap.headline.value' has no 'real'",
    "gap.headline > 1": "'gap.headline' is a part of the report",
    "gap.verdict > 1": "'gap.verdict' and '1' are not alike",
    "gap.verdict > 'a'": "only numbers are smaller or larger",
    "gap.headline.value >": "it is no condition such as",
    "": "it is no condition such as",
    "gap.headline.value = 1": "it is no condition such as",
    "gap.verdict + 1 > 2": "'gap.verdict' is no number",
    "spectrum.eigenvalues['a'] > 1": "'spectrum.eigenvalues' has no 'a'",
    "spectrum.eigenvalues[1:2] > 1": "is not taken in a condition",
    "__import__('os').system('touch hacked')": "is not taken in a condition",
    "gap.__class__": "gap has no field '__class__'",
    "().__class__.__bases__[0]": "is not taken in a condition",
    "gap.model_dump()": "is not taken in a condition",
    "[x for x in (1,)]": "is not taken in a condition",
    "(lambda: 1)()": "is not taken in a condition",
    "gap.headline.value ** 9 ** 9 ** 9 > 1": "is not taken in a condition",
    "1 << 9999 > 1": "is not taken in a condition",
    "gap.headline.value is None": "is not taken in a condition",
    "f'{gap}' == 'a'": "is not taken in a condition",
    "(y := 1) > 0": "is not taken in a condition",
    "1j > 0": "is not taken in a condition",
    "not " * 200 + "gap": "",
    "(" * 400 + "gap" + ")" * 400: "it is no condition such as",
    "gap and " * 200 + "gap": "it is longer than 1000 characters",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_what_cannot_be_asked_is_refused_before_anything_is_computed(text: str) -> None:
    if not WRONG[text]:
        condition(text)
        return
    with pytest.raises(ProblemError) as refused:
        condition(text)
    assert WRONG[text] in refused.value.sentence
    assert "\n" not in refused.value.line()


@given(st.text(alphabet="gap.headline<>=()[]'\"0123 andornt+-*/\\_,:", max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    with contextlib.suppress(ProblemError):
        assert condition(text).text == text


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder, script = tmp_path_factory.mktemp("files"), trained()
    torch.save(script.model.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=script.X.numpy(), y=script.y.numpy())
    architecture = '{"family": "mlp", "activation": "tanh"}'
    return [
        *("analyze", "--quiet", "--checkpoint", str(folder / "model.pt")),
        *("--train", str(folder / "train.npz"), "--architecture", architecture),
        *("--weight-decay", "0.02", "--stages", "spectrum", "--top-k", "2"),
    ]


@pytest.mark.parametrize(
    ("conditions", "status", "lines"),
    [
        (["spectrum.eigenvalues[0] > 1e9"], 0, 0),
        (["spectrum.eigenvalues[0] > 0"], 1, 1),
        (["spectrum.eigenvalues[0] > 0", "gap.headline.value > 0.5", "gap"], 1, 2),
    ],
)
def test_analyze_ends_with_1_where_one_is_so(
    files: list[str],
    conditions: list[str],
    status: int,
    lines: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = [part for each in conditions for part in ("--fail-if", each)]
    assert main([*files, *asked]) == status
    out, err = capsys.readouterr()
    assert "λ₁" in out  # the findings are said either way
    assert err.count("--fail-if") == lines


def test_a_field_that_does_not_exist_is_exit_2_at_once(
    files: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "report.json"
    assert main([*files, "--output", str(kept), "--fail-if", "gap.headlin.value > 1"]) == 2
    assert "gap has no field 'headlin'" in capsys.readouterr().err
    assert not kept.exists()
