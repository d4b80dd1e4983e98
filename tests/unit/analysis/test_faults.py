"""What becomes of a stage that raises: others go on, and the sentence says whose fault it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis import run
from minimascope.analysis.session.faults import failure_of
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.curvature.spectrum.spectrum import operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.analyses import analysed, save


@pytest.mark.parametrize(
    "fault", [lambda _: json.loads("{"), lambda _: torch.ones(2) @ torch.ones(3), lambda _: {}[0]]
)
def test_a_fault_in_one_stage_leaves_the_others(
    fault: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(12, 3)
    save(tmp_path, nn.Sequential(nn.Linear(3, 2)), (inputs, (inputs[:, 0] > 0).long()))
    monkeypatch.setitem(run.STAGE_FUNCTIONS, "boundary", fault)
    parameters = Parameters(
        architecture={"family": "mlp", "activation": "relu"}, stages=["spectrum", "boundary", "gap"]
    )
    report, _ = analysed(tmp_path, parameters)
    assert [(each.stage, each.code) for each in report.failures] == [("boundary", "fault")]
    assert report.failures[0].sentence.startswith("A fault of minimascope ended this stage (")
    assert report.spectrum is not None
    assert report.gap is not None
    assert "Traceback" in capfd.readouterr().err


def test_refusals_keep_their_words_and_want_of_memory_is_raised_again() -> None:
    refusal = ProblemError("no_gpu", "There is none.", "Take another.")
    assert failure_of("gap", refusal).code == "no_gpu"
    with pytest.raises(ValueError, match="tolerance") as caught:
        operator_spectrum(None, Wanted(tolerance=2.0))  # type: ignore[arg-type]
    found = failure_of("spectrum", caught.value)
    assert (found.code, found.sentence) == ("not_computable", str(caught.value))
    with pytest.raises(MemoryError):
        failure_of("gap", MemoryError())
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        failure_of("gap", RuntimeError("DefaultCPUAllocator: can't allocate memory"))


def test_a_single_test_example_leaves_the_estimates(tmp_path: Path) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(12, 3)
    labels = (inputs[:, 0] > 0).long()
    save(tmp_path, nn.Sequential(nn.Linear(3, 2)), (inputs, labels))
    np.savez(tmp_path / "test.npz", X=inputs[:1].numpy() + 1, y=labels[:1].numpy())
    parameters = Parameters(
        architecture={"family": "mlp", "activation": "relu"}, stages=["gap"], weight_decay=1e-2
    )
    report, _ = analysed(tmp_path, parameters)
    assert report.failures == []
    assert report.gap is not None
    assert report.gap.measured is None
    assert report.gap.estimates["alo_ggn"].value is not None
    assert any("1 example" in warning for warning in report.warnings)
