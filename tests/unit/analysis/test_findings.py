"""An analysis says of which objective weights are a minimum, and how to analyse them so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.cli.model_options import options_of
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState
from minimascope.results.words import as_keywords, rows

DECAY = 0.01


class Unheard:
    """Publishes to nobody."""

    def progress(self, stage: str, fraction: float, message: str) -> None: ...
    def stage(self, stage: str, state: StageState, seconds: float | None) -> None: ...
    def array(self, name: str, value: np.ndarray) -> None: ...
    def report(self, report: Report) -> None: ...


@pytest.fixture(scope="module")
def smoothed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Weights at the exact minimum of smoothed cross-entropy, no decay on biases."""
    folder = tmp_path_factory.mktemp("smoothed")
    torch.manual_seed(0)
    X = torch.randn(60, 4, dtype=torch.float64)
    y = (X[:, 0] + 0.5 * torch.randn(60) > 0).long()
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=2000, tolerance_grad=1e-10, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(X), y, label_smoothing=0.1)
        loss = loss + DECAY / 2 * sum(q.square().sum() for q in model.parameters() if q.ndim > 1)
        loss.backward()
        return loss

    optimiser.step(closure)
    torch.save(model.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=X.numpy(), y=y.numpy())
    return Files(folder / "model.pt", folder / "train.npz")


def report_of(files: Files, tmp_path: Path, **told: object) -> Report:
    parameters = Parameters.model_validate(
        {"architecture": {"family": "mlp", "activation": "tanh"}, "stages": ["gap"], **told}
    )
    return run_analysis(files, parameters, workdir=tmp_path, publisher=Unheard())


def test_the_objective_is_found_and_no_number_is_told_of_another(
    smoothed: Files, tmp_path: Path
) -> None:
    report = report_of(smoothed, tmp_path, weight_decay=DECAY)
    assert report.objective is not None
    (finding,) = report.objective.findings
    assert finding.flags == {"label_smoothing": 0.1, "weight_decay": DECAY, "decay_on": "matrices"}
    assert report.gap is not None
    assert report.gap.verdict == "no_estimate"
    assert report.gap.reason == f"{finding.sentence} Analyse it so."
    typed = dict(rows(report, options_of))["analyse so"]
    assert typed == "--label-smoothing 0.1 --weight-decay 0.01 --decay-on matrices"
    written = dict(rows(report, as_keywords))["analyse so"]
    assert "label_smoothing=0.1" in written


def test_the_gradient_left_is_told_by_group(smoothed: Files, tmp_path: Path) -> None:
    told = {"weight_decay": DECAY, "decay_on": "matrices"}
    wrong = report_of(smoothed, tmp_path, **told).objective
    right = report_of(smoothed, tmp_path, **told, label_smoothing=0.1).objective
    assert wrong is not None
    assert right is not None
    assert [group.parameters for group in right.penalty] == [30, 7]
    for before, after in zip(wrong.penalty, right.penalty, strict=True):
        assert before.gradient_left is not None
        assert after.gradient_left is not None
        assert after.gradient_left < 1e-6 < 1e-3 < before.gradient_left
    assert right.penalty[1].pull == 0.0


def test_the_finding_is_stored_as_json(smoothed: Files, tmp_path: Path) -> None:
    report = report_of(smoothed, tmp_path, weight_decay=DECAY)
    again = Report.model_validate(json.loads(report.model_dump_json(by_alias=True)))
    assert again.objective == report.objective
