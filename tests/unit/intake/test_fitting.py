"""Network, data and the loss told: soft labels, several labels, weights, labels to ignore."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.fitting import Fitted, fitted
from minimascope.intake.values.dataset import Dataset, read_dataset
from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import TorchMse
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.weighted import Weighted

N = 12
X = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(N) % 3
SOFT = torch.randn(N, 3, generator=torch.Generator().manual_seed(1)).softmax(1)
BITS = (SOFT > 0.3).long()


def network(outputs: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, outputs)


def fit(targets: Tensor, outputs: int, test: Dataset | None = None, **told: object) -> Fitted:
    weights = torch.linspace(0, 2, N, dtype=torch.float64)
    train = Dataset(X, targets, aside={"w": weights})
    asked = ObjectiveParameters.model_validate(told)
    return fitted(network(outputs), train, test, asked)


def refusal(targets: Tensor, outputs: int, **told: object) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        fit(targets, outputs, **told)
    return caught.value


def test_what_was_told_is_the_loss() -> None:
    found = fit(LABELS, 3, label_smoothing=0.1, class_weights=[1, 2, 0.5])
    assert found.loss == CrossEntropy(0.1, (1.0, 2.0, 0.5))
    assert fit(LABELS % 2, 1, loss="binary", pos_weight=[3]).loss == Binary(3.0)
    assert fit(SOFT, 3, loss="MSELoss").loss == TorchMse()


def test_soft_labels_stay_shares_of_classes() -> None:
    found = fit(SOFT, 3)
    assert torch.equal(found.train.targets, SOFT)
    assert found.warnings == []
    smoothed = fit(SOFT, 3, label_smoothing=0.1)
    assert any("Soft labels were smoothed too" in each for each in smoothed.warnings)
    one_hot = fit(torch.eye(3)[LABELS], 3)
    assert torch.equal(one_hot.train.targets, LABELS)


def test_a_bit_for_each_of_several_outputs_is_several_labels() -> None:
    for name in ("binary", "multilabel", "BCEWithLogitsLoss"):
        found = fit(BITS, 3, loss=name, pos_weight=[1, 2, 3])
        assert found.loss == MultiLabel((1.0, 2.0, 3.0))
        assert any("labels an example" in each for each in found.warnings) == (name != "multilabel")
        assert found.train.targets.is_floating_point()


def test_ignored_labels_are_no_examples() -> None:
    marked = LABELS.clone()
    marked[:2], marked[5] = -100, 255
    test = Dataset(X[:4], marked[:4])
    found = fit(marked, 3, test, ignore_index=255)
    assert torch.equal(found.train.targets, torch.cat([LABELS[2:5], LABELS[6:]]))
    assert torch.equal(found.train.inputs, torch.cat([X[2:5], X[6:]]))
    assert len(found.train.aside["w"]) == N - 3
    assert found.test is not None
    assert len(found.test.targets) == 2
    assert "3 examples of label -100, 255 count for nothing" in " ".join(found.train.warnings)
    criterion = nn.CrossEntropyLoss(ignore_index=-100)
    expected = criterion(network(3)(X), marked.masked_fill(marked == 255, -100))
    mean = found.loss.mean(found.network(found.train.inputs), found.train.targets)
    assert torch.allclose(mean, expected, rtol=1e-6)
    assert refusal(torch.full((N,), -100), 3).code == "empty_data"


def test_weights_of_examples_go_with_the_targets() -> None:
    for targets, outputs, kind in ((LABELS, 3, "labels"), (SOFT, 3, "rows")):
        test = Dataset(X[:4], LABELS[:4])
        found = fit(targets, outputs, test, example_weights="w")
        assert found.loss == Weighted(CrossEntropy(), kind)
        weights = torch.linspace(0, 2, N, dtype=torch.float64)
        assert torch.allclose(found.train.targets[:, 0].double(), weights)
        each = nn.CrossEntropyLoss(reduction="none")(network(3)(X), targets)
        mean = found.loss.mean(found.network(X), found.train.targets.float())
        assert torch.allclose(mean, (weights * each).mean().float(), rtol=1e-5)
        assert found.test is not None
        assert bool((found.test.targets[:, 0] == 1).all())
        assert any("weighs 1" in each for each in found.warnings)


def test_a_column_of_weights_is_no_input(tmp_path: Path) -> None:
    table = tmp_path / "data.csv"
    table.write_text("a,w,label\n1,0.5,0\n2,1.5,1\n3,1,0\n")
    data = read_dataset(table, workdir=tmp_path, aside=["w"])
    assert data.inputs.tolist() == [[1.0], [2.0], [3.0]]
    assert data.aside["w"].tolist() == [0.5, 1.5, 1.0]
    arrays = tmp_path / "data.npz"
    np.savez(arrays, X=X.numpy(), y=LABELS.numpy(), w=np.ones((N, 1), dtype=np.int64))
    assert read_dataset(arrays, workdir=tmp_path, aside=["w"]).aside["w"].tolist() == [1.0] * N
    assert read_dataset(arrays, workdir=tmp_path, aside=["other"]).aside == {}
    for wrong, code in ((np.ones(3), "not_a_dataset"), (np.full(N, np.nan), "nan_data")):
        np.savez(arrays, X=X.numpy(), y=LABELS.numpy(), w=wrong)
        with pytest.raises(ProblemError) as caught:
            read_dataset(arrays, workdir=tmp_path, aside=["w"])
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("targets", "outputs", "told", "code", "said"),
    [
        (LABELS, 3, {"class_weights": [1, 2]}, "invalid_parameters", "2 class weights came for"),
        (LABELS, 3, {"class_weights": [1, 2, 3, 4]}, "invalid_parameters", "network of 3 classes"),
        (0 * LABELS, 3, {"class_weights": [0, 1, 1]}, "invalid_parameters", "have examples are 0"),
        (BITS, 3, {"loss": "multilabel", "pos_weight": [1, 2]}, "invalid_parameters", "of 3 outp"),
        (LABELS % 2, 1, {"loss": "binary", "pos_weight": [1, 2]}, "invalid_parameters", "of one"),
        (LABELS, 3, {"example_weights": "v"}, "example_weights_invalid", "no column or array 'v'"),
        (SOFT, 4, {}, "labels_out_of_range", "shares of 3 classes, but the network has 4"),
        (BITS + 1, 3, {"loss": "multilabel"}, "labels_out_of_range", "outside 0 … 1"),
        (BITS[:, :2], 3, {"loss": "multilabel"}, "output_shape_mismatch", "have 2 numbers"),
        (SOFT, 1, {"loss": "binary"}, "labels_not_integer", "soft labels"),
        (2 * SOFT, 3, {}, "labels_not_integer", "not one-hot"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    targets: Tensor, outputs: int, told: dict[str, object], code: str, said: str
) -> None:
    found = refusal(targets, outputs, **told)
    assert found.code == code
    assert said in found.sentence


@pytest.mark.parametrize("bad", [[-1.0] * N, [0.0] * N])
def test_weights_that_are_none_are_refused(bad: list[float]) -> None:
    train = Dataset(X, LABELS, aside={"w": torch.tensor(bad, dtype=torch.float64)})
    with pytest.raises(ProblemError) as caught:
        fitted(network(3), train, None, ObjectiveParameters(example_weights="w"))
    assert caught.value.code == "example_weights_invalid"


def test_the_factor_of_torchs_mean_of_squares_is_named() -> None:
    said = " ".join(fit(SOFT, 3, loss="mse", weight_decay=0.1).warnings)
    assert "weight decay 0.1 is 0.15 here" in said
    assert "choose the loss torch_mse" in said
    assert fit(SOFT[:, :2], 2, loss="mse", weight_decay=0.1).warnings == []  # 2/K = 1
