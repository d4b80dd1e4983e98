"""K-fold that comes with an analysis stands in its report, beside what was estimated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dashboard.pages.analysis.answer import answer
from dashboard.pages.analysis.curvature_tabs import estimates
from dashboard.pages.analysis.folds_words import folds_offer, folds_words
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.analysis.session.publishing import Publisher
from minimascope.cli import main
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CrossValidation, Report
from minimascope.contract.report.cross_validation import OFFER
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.figures.gap_curves import gap_figure
from minimascope.figures.roles import Role
from minimascope.results.words import as_keywords, rows
from tests.cases.analyses import Kept

FOLDS = CrossValidation(
    k=5,
    n=60,
    gap=0.25,
    standard_error=0.03,
    train_loss=0.5,
    held_out_loss=0.75,
    gap_at_n=0.2,
    loss="cross_entropy",
)
SPEC = {"family": "sequential", "layers": [["Linear", 3, 2]]}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    np.savez(tmp_path / "train.npz", X=X, y=(X[:, 0] + random.normal(size=60) > 0).astype(int))
    weight = torch.tensor([[0.3, 0.1, 0.0], [-0.3, 0.0, 0.1]])
    torch.save({"0.weight": weight, "0.bias": torch.zeros(2)}, tmp_path / "model.pt")
    return Files(tmp_path / "model.pt", tmp_path / "train.npz")


def analysed(files: Files, folds: CrossValidation | None, workdir: Path) -> Report:
    parameters = Parameters(
        architecture=SPEC, stages=["gap"], weight_decay=0.01, cross_validation=folds
    )
    publisher: Publisher = Kept()
    return run_analysis(files, parameters, workdir=workdir, publisher=publisher)


def said(children: object) -> str:
    return " ".join(str(children).split())


def test_it_stands_beside_the_estimates(files: Files, tmp_path: Path) -> None:
    report = analysed(files, FOLDS, tmp_path)
    assert report.cross_validation == FOLDS
    assert Report.model_validate_json(report.model_dump_json(by_alias=True)) == report
    assert report.gap is not None
    line = next(
        trace
        for trace in gap_figure(report.gap, n=60, folds=report.cross_validation).data
        if trace.meta["role"] == Role.FOLDS
    )
    assert list(line.y) == [0.25, 0.25]
    assert list(line.error_y.array) == [0.0, 0.03]
    said_so = dict(rows(report, as_keywords))
    assert said_so["gap by K-fold"].startswith("0.25 ± 0.03 from 5 folds of 60 examples")
    assert "about 0.2 with all" in said_so["gap by K-fold"]
    assert OFFER not in said_so["gap by K-fold"]
    assert "computed by you: 0.250 ± 0.030 nats from 5 folds" in said(folds_words(report))
    assert "K-fold with your own training" in said(estimates(report))
    shown = said([answer(report, again="")])
    assert "By 5 folds of your own training the gap is 0.250 ± 0.030 nats" in shown
    assert folds_offer(report) is None


def test_it_is_offered_where_nothing_is_reliable(files: Files, tmp_path: Path) -> None:
    report = analysed(files, None, tmp_path)
    assert report.gap is not None
    for verdict, offer in (("uncertain", True), ("no_estimate", True), ("reliable", False)):
        gap = report.gap.model_copy(update={"verdict": verdict})
        told = report.model_copy(update={"gap": gap})
        assert (OFFER in dict(rows(told, as_keywords)).get("gap by K-fold", "")) == offer
        assert (OFFER in said(folds_offer(told))) == offer


def test_key_numbers_have_it_for_the_comparison(files: Files, tmp_path: Path) -> None:
    report = analysed(files, FOLDS, tmp_path)
    found = key_numbers(report)
    assert (found["gap_by_folds"], found["gap_by_folds_standard_error"]) == (0.25, 0.03)


def test_folds_of_other_data_are_refused_and_another_loss_is_said(
    files: Files, tmp_path: Path
) -> None:
    with pytest.raises(ProblemError, match="of 61 examples, the training data have 60"):
        analysed(files, FOLDS.model_copy(update={"n": 61}), tmp_path)
    report = analysed(files, FOLDS.model_copy(update={"loss": "hinge"}), tmp_path)
    assert any("measured the loss 'hinge'" in warning for warning in report.warnings)


def test_folds_that_ended_elsewhere_are_told_from_this_network(
    files: Files, tmp_path: Path
) -> None:
    report = analysed(files, FOLDS.model_copy(update={"loss": ""}), tmp_path)
    ended = report.data.train.loss
    for train_loss, told in ((ended + 0.05, False), (ended - 0.07, True)):
        change = {"train_loss": train_loss, "held_out_loss": train_loss + FOLDS.gap}
        warnings = analysed(files, FOLDS.model_copy(update=change), tmp_path).warnings
        # FOLDS has a standard error of 0.03
        assert any("of another kind" in warning for warning in warnings) == told


def test_the_command_line_takes_the_document(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "folds.json"
    document.write_text(FOLDS.model_dump_json())
    common = ["--checkpoint", str(files.checkpoint), "--train", str(files.train), "--quiet"]
    more = ["--architecture", '{"family": "sequential", "layers": [["Linear", 3, 2]]}']
    argv = ["analyze", *common, *more, "--stages", "gap", "--cross-validation", str(document)]
    assert main(argv) == 0
    assert "gap by K-fold" in capsys.readouterr().out
    document.write_text('{"k": 5}')
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith("minimascope analyze: --cross-validation: n: Field required")
    assert err.count("\n") == 1
