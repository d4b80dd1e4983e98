"""What `analyze` and `wait` end with, and how they show that they work."""

from __future__ import annotations

import io
import sys

import pytest

from minimascope.cli import findings, progress
from minimascope.contract.report import Gap, Report, sentences
from minimascope.results.words import with_error
from tests.cases.reference_report import build

REPORT: Report = build("gauss-normal", m=20)[0]


def test_key_numbers_carry_their_errors(capsys: pytest.CaptureFixture[str]) -> None:
    findings.show(REPORT)
    expected, verdict, *more = capsys.readouterr().out.splitlines()
    gap, spectrum = REPORT.gap, REPORT.spectrum
    assert gap
    assert gap.headline
    assert spectrum
    assert expected == sentences.expected(gap)
    assert verdict == f"{gap.verdict.capitalize()}: {gap.reason}"
    rows = [row for row in more if row[17:] and row[:17].strip() != ""]
    said = {row[:17].strip(): row[17:] for row in rows}
    low, high = gap.headline.ninety
    assert said["gap"].startswith(f"{gap.headline.value:.3g} nats (50%: ")
    assert said["gap"].endswith(f"90%: {low:.3g} to {high:.3g})")
    assert "±" in said["gap measured"]
    assert said["λ_eff"] == "0.001"
    assert said["optimizer"] == "L-BFGS"
    assert said["dropout"] == "not told"
    assert said["λ₁"].startswith(f"{spectrum.eigenvalues[0]:.4g}")
    assert "±" not in said["λ₁"]  # to rounding, which is no error to be told of
    assert {"soft rank", "smallest margin"} <= said.keys()


def test_what_does_not_hold_and_what_nobody_told_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    findings.show(REPORT)
    lines = capsys.readouterr().out.splitlines()
    assert "! Left-out examples are predicted too surely." in lines
    assert "? Not told: dropout." in lines
    assert any("called 90% held the measured gap" in line for line in lines)
    assert any(line.startswith("On the test set the gap is") for line in lines)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"verdict": "reliable"}, "Reliable: "),
        ({"verdict": "uncertain"}, "Uncertain: "),
        ({"verdict": "no_estimate", "headline": None}, "No estimate: "),
        ({"verdict": "no_estimate", "headline": None, "at_least": 0.021}, "at least 0.021 nats."),
    ],
)
def test_every_verdict_has_its_words(
    changed: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert REPORT.gap is not None
    gap: Gap = REPORT.gap.model_copy(update=changed)
    findings.show(REPORT.model_copy(update={"gap": gap}))
    assert words in capsys.readouterr().out


def test_nothing_is_said_of_what_was_not_computed(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"objective": None, "gap": None, "spectrum": None, "minimum": None, "margins": None}
    findings.show(REPORT.model_copy(update=nothing))
    assert capsys.readouterr().out == ""


def test_no_escape_codes_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings.show(REPORT)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.13124, 0.0361, "0.1312 ± 0.036"), (1234.5, None, "1234"), (1e-6, 2e-9, "1e-06 ± 2e-09")],
)
def test_a_number_with_its_error(value: float, error: float | None, text: str) -> None:
    assert with_error(value, error) == text


def test_a_log_gets_a_line_every_few_seconds_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.shown() as shown:
        for fraction in (0.1, 0.2, 0.3, 0.5):
            shown.at(fraction, "spectrum", f"step {fraction}")
            now[0] += 2.0
    assert capsys.readouterr().err == " 50% spectrum  step 0.5  (about 6 s left)\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown() as shown:
        assert isinstance(shown, progress.Bar)
        shown.at(0.25, "margins", "the fourth [part]")
    assert "margins" in screen.getvalue()
    assert "25%" in screen.getvalue()
    assert "the fourth [part]" in screen.getvalue()


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(quiet=True) as shown:
        shown.at(0.5, "spectrum", "half")
    assert capsys.readouterr() == ("", "")
