"""`analyze` of what is in hand gives the service's numbers of the same files, to the last digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import minimascope
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from tests.cases.analyses import Kept
from tests.cases.reference_networks import GAP, gap_minimum
from tests.cases.script import BATCH, DECAY, RATE, trained

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
# Of the run, or of how the weights came: no numbers of the minimum.
BESIDES = {"wall_seconds", "checkpoint", "warnings", "taken"}


def numbers(report: Any) -> dict[str, Any]:
    """Everything that a report says of the minimum itself."""
    found = report.model_dump(mode="json", exclude=BESIDES)
    for section in ("spectrum", "gap"):
        found[section].pop("plan")  # seconds and bytes
    return found


def by_files(folder: Path, parameters: Parameters) -> tuple[Any, Kept]:
    kept = Kept()
    files = Files(folder / "model.pt", folder / "train.npz", folder / "test.npz")
    return run_analysis(files, parameters, workdir=folder, publisher=kept), kept


def test_every_stage_and_array_of_a_trained_network(tmp_path: Path) -> None:
    script = trained()
    torch.save(script.model.state_dict(), tmp_path / "model.pt")
    np.savez(tmp_path / "train.npz", X=script.X, y=script.y)
    np.savez(tmp_path / "test.npz", X=script.test[0], y=script.test[1])
    layers = [["Linear", 2, 6], ["Tanh"], ["Linear", 6, 3]]
    sent = Parameters(
        architecture={"family": "sequential", "layers": layers},
        top_k=3,
        weight_decay=DECAY,
        optimizer="sgd",
        lr=RATE,
        steps=60,
        batch_size=BATCH,
        dropout=False,
    )
    report, kept = by_files(tmp_path, sent)
    found = minimascope.analyze(
        script.model,
        script.loader,
        script.criterion,
        script.optimizer,
        test=script.test,
        top_k=3,
        steps=60,
    )
    assert numbers(found.report) == numbers(report)
    assert report.failures == []
    assert set(found.arrays) == set(kept.arrays)
    for name, value in kept.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], value, err_msg=name)


@pytest.mark.parametrize("name", GAP[:2])
def test_a_reference_network(name: str) -> None:
    """Eigenvalues and losses are those that another code found of the dense matrices."""
    reference = gap_minimum(name)
    known: Any = reference.reference
    network = reference.minimum.network
    found = minimascope.analyze(
        network,
        (reference.minimum.inputs, reference.minimum.targets),
        nn.CrossEntropyLoss(),
        torch.optim.LBFGS(network.parameters()),
        test=(reference.test_inputs, reference.test_targets),
        weight_decay=known["lam_train"],
        stages=["spectrum", "gap"],
        top_k=5,
    )
    np.testing.assert_allclose(found.spectrum.eigenvalues, known["eig_H_top20"][:5], rtol=1e-8)
    np.testing.assert_allclose(found.spectrum.trace.value, known["trace_H"], rtol=1e-8)
    np.testing.assert_allclose(found.data.train.loss, known["train_nll"], rtol=1e-8)
    np.testing.assert_allclose(found.gap.measured.value, known["gap"], rtol=1e-8)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_sum_over_batches_is_the_mean_that_takes_the_same_steps(kind: Any) -> None:
    """Of SGD: rate lr/b and decay b·wd; so λ and soft rank are the same."""
    script = trained(epochs=0)
    found = []
    for reduction, factor in (("mean", 1), ("sum", BATCH)):
        model = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 3))
        model.load_state_dict(script.model.state_dict())
        rate = RATE / factor if kind is torch.optim.SGD else RATE
        decay = DECAY if kind is torch.optim.AdamW else DECAY * factor
        # ε is part of the metric: as much of a sum as of a mean.
        eps = {} if kind is torch.optim.SGD else {"eps": 1e-8 * factor}
        optimizer = kind(model.parameters(), lr=rate, weight_decay=decay, **eps)
        criterion = nn.CrossEntropyLoss(reduction=reduction)
        for start in [0, 12, 24] * 4:
            optimizer.zero_grad()
            rows = slice(start, start + BATCH)
            criterion(model(script.X[rows]), script.y[rows]).backward()
            optimizer.step()
        found.append(
            minimascope.analyze(
                model, script.loader, criterion, optimizer, steps=12, stages=["gap"]
            )
        )
    mean, summed = found
    assert summed.minimum.lambda_eff == pytest.approx(mean.minimum.lambda_eff, rel=1e-5)
    values = [each.gap.estimates["soft_rank_ggn"].value for each in found]
    assert values[1] == pytest.approx(values[0], rel=1e-3)
    assert any("sums over a batch" in each for each in summed.warnings)
