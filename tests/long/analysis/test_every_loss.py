"""Whole analyses of losses that people train with: they end, and the numbers are torch's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minimascope import export
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report
from tests.cases.analyses import Kept

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

N, DECAY = 40, 0.01
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0)).double()
SCORES = X @ torch.tensor([[2.0, -1.0, 0.0], [0.0, 1.0, -2.0], [1.0, 1.0, 1.0]]).double()
LABELS, BITS, SOFT = SCORES.argmax(1), (SCORES > 0.3).long(), (0.5 * SCORES).softmax(1)
WEIGHTS = torch.linspace(0.1, 2, N).double()
CLASSES = torch.tensor([1.0, 3.0, 0.5]).double()

# name: outputs, end of the network, targets, torch's mean loss, and what is told of it
Criterion = Callable[[Tensor], Tensor]
CASES: dict[str, tuple[int, nn.Module | None, Tensor, Criterion, dict[str, object]]] = {
    "smoothed with class weights": (
        3,
        None,
        LABELS,
        lambda f: nn.CrossEntropyLoss(CLASSES, label_smoothing=0.1)(f, LABELS),
        {"label_smoothing": 0.1, "class_weights": CLASSES.tolist()},
    ),
    "soft labels": (3, None, SOFT, lambda f: nn.CrossEntropyLoss()(f, SOFT), {}),
    "weighted examples": (
        3,
        None,
        LABELS,
        lambda f: (WEIGHTS * nn.CrossEntropyLoss(reduction="none")(f, LABELS)).mean(),
        {"example_weights": "w"},
    ),
    "several labels": (
        3,
        None,
        BITS,
        lambda f: nn.BCEWithLogitsLoss()(f, BITS.double()),
        {"loss": "binary"},
    ),
    "squares of torch": (3, None, SCORES, lambda f: nn.MSELoss()(f, SCORES), {"loss": "MSELoss"}),
    "sigmoid head": (
        1,
        nn.Sigmoid(),
        BITS[:, 0],
        lambda P: nn.BCELoss()(P[:, 0], BITS[:, 0].double()),
        {"loss": "binary"},
    ),
    "softmax head": (3, nn.Softmax(1), LABELS, lambda P: nn.NLLLoss()(P.log(), LABELS), {}),
    "log-softmax head": (
        3,
        nn.LogSoftmax(1),
        LABELS,
        lambda P: nn.NLLLoss()(P, LABELS),
        {"loss": "NLLLoss"},
    ),
}


def trained(network: nn.Module, criterion: Criterion) -> float:
    """To the minimum of criterion + DECAY/2 ‖θ‖²; the criterion there."""
    optimizer = torch.optim.LBFGS(
        network.parameters(),
        max_iter=500,
        tolerance_grad=1e-9,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        ridge = torch.stack([q.square().sum() for q in network.parameters()]).sum()
        value = criterion(network(X)) + DECAY / 2 * ridge
        value.backward()
        return value

    optimizer.step(closure)  # type: ignore[arg-type]
    return float(criterion(network(X)).detach())


def analysed(folder: Path, checkpoint: Path, **told: object) -> Report:
    parameters = Parameters.model_validate({"weight_decay": DECAY, "top_k": 3, **told})
    files = Files(checkpoint, folder / "train.npz")
    return run_analysis(files, parameters, workdir=folder, publisher=Kept())


@pytest.mark.parametrize("name", CASES)
def test_an_exact_minimum_is_one_by_both_ways_of_sending_it(tmp_path: Path, name: str) -> None:
    outputs, end, targets, criterion, told = CASES[name]
    torch.manual_seed(0)
    layers = [nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, outputs), *([end] if end else [])]
    network = nn.Sequential(*layers).double()
    loss = trained(network, criterion)
    np.savez(tmp_path / "train.npz", X=X.numpy(), y=targets.numpy(), w=WEIGHTS.numpy())
    torch.save(network.state_dict(), tmp_path / "model.pt")
    spec = {
        "family": "sequential",
        "layers": [["Linear", 3, 4], "Tanh", ["Linear", 4, outputs]]
        + ([[type(end).__name__, *([] if outputs == 1 else [1])]] if end else []),
    }
    # A head is gone after opening, so that the gap is enough to see that it is.
    stages = ["gap"] if end else ["spectrum", "density", "gap", "boundary", "margins"]
    checkpoint = tmp_path / "model.pt"
    reports = [analysed(tmp_path, checkpoint, architecture=spec, stages=stages, **told)]
    path = export(network, X[:2], tmp_path / "model.pt2")
    reports.append(analysed(tmp_path, path, stages=["gap"], **told))
    for report in reports:
        assert report.data.train.loss == pytest.approx(loss, rel=1e-9)
        assert report.minimum is not None
        assert report.minimum.regularized_gradient_norm == pytest.approx(0, abs=1e-6)
        assert any("taken for the link" in each for each in report.warnings) == (end is not None)
    regression = name in ("several labels", "squares of torch")
    failed = {each.stage: each.sentence for each in reports[0].failures}
    assert set(failed) == ({"boundary", "margins"} if regression else set())
    if name == "several labels":
        assert "several labels an example have no one decision boundary" in failed["boundary"]
        assert reports[0].data.train.accuracy == pytest.approx(
            float(((network(X) > 0) == BITS).double().mean()), rel=1e-12
        )


def test_a_mean_of_squares_told_as_a_gaussian_is_answered_with_the_factor(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 3)).double()
    trained(network, lambda f: nn.MSELoss()(f, SCORES))
    np.savez(tmp_path / "train.npz", X=X.numpy(), y=SCORES.numpy())
    torch.save(network.state_dict(), tmp_path / "model.pt")
    spec = {"family": "mlp", "activation": "identity"}
    asked = {"architecture": spec, "stages": ["gap"]}
    report = analysed(tmp_path, tmp_path / "model.pt", loss="mse", **asked)
    assert "is 0.015 here. If that is so, choose the loss torch_mse" in " ".join(report.warnings)
