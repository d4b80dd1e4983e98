"""`minimascope.cross_validate` against scikit-learn on the same folds, and as people use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, cross_validate
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import CrossValidation as Document

Data = tuple[np.ndarray, np.ndarray]


def blobs(n: int = 90, classes: int = 3) -> Data:
    random = np.random.default_rng(1)
    y = random.integers(classes, size=n)
    return random.normal(size=(n, 4)) + 1.5 * np.eye(classes, 4)[y], y


def logistic(train: Data) -> Any:
    return LogisticRegression(C=0.7).fit(*train).decision_function


def test_ridge_losses_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 5)), random.normal(size=60)
    found = minimascope.cross_validate(
        lambda train: Ridge(alpha=0.3).fit(*train).predict, (X, y), 7, loss="mse"
    )
    theirs = cross_validate(
        Ridge(alpha=0.3),
        X,
        y,
        cv=PredefinedSplit(found.fold_of),
        scoring="neg_mean_squared_error",
        return_train_score=True,
    )
    # the Gaussian loss is half of the squared error
    held_out = [fold.held_out.loss for fold in found.folds]
    assert np.allclose(held_out, -theirs["test_score"] / 2, rtol=1e-12, atol=0)
    trained = [fold.train.loss for fold in found.folds]
    assert np.allclose(trained, -theirs["train_score"] / 2, rtol=1e-12, atol=0)
    gaps = np.array(held_out) - trained
    sizes = np.bincount(found.fold_of)
    assert found.gap == pytest.approx(np.average(gaps, weights=sizes), rel=1e-12)
    assert found.accuracy is None


def test_logistic_losses_and_accuracy_are_those_of_scikit_learn() -> None:
    X, y = blobs()
    found = minimascope.cross_validate(logistic, (X, y), 5, seed=4)
    for number, fold in enumerate(found.folds):
        held = found.fold_of == number
        theirs = LogisticRegression(C=0.7).fit(X[~held], y[~held])
        assert fold.held_out.loss == pytest.approx(
            log_loss(y[held], theirs.predict_proba(X[held])), rel=1e-12
        )
        assert fold.held_out.accuracy == theirs.score(X[held], y[held])
        assert np.bincount(y[held]).max() - np.bincount(y[held]).min() < 30
    assert found.accuracy == pytest.approx(
        np.mean([fold.held_out.accuracy for fold in found.folds]), rel=1e-12
    )
    assert found.held_out_losses.mean() == pytest.approx(found.held_out_loss, rel=1e-12)


def network(train: tuple[torch.Tensor, torch.Tensor]) -> nn.Module:
    X, y = train
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(20):
        optimizer.zero_grad()
        functional.cross_entropy(model(X), y).backward()
        optimizer.step()
    return model


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    X, y = blobs()
    return torch.tensor(X, dtype=torch.float32), torch.tensor(y)


def test_a_network_is_evaluated_without_dropout_and_the_generator_left_alone() -> None:
    before = torch.get_rng_state()
    found = minimascope.cross_validate(network, tensors(), 3)
    again = minimascope.cross_validate(network, tensors(), 3, batch_size=7)
    assert torch.equal(torch.get_rng_state(), before)
    # another batch size moves the last bit of float32 products
    assert np.allclose(found.held_out_losses, again.held_out_losses, rtol=1e-5)


def test_indices_dataset_and_own_loss_are_other_ways_to_the_same_losses() -> None:
    X, y = tensors()
    plain = minimascope.cross_validate(network, (X, y), 3)
    by_index = minimascope.cross_validate(
        lambda rows: network((X[rows], y[rows])), (X, y), 3, fit_on="indices"
    )

    def of_subset(train: Any) -> nn.Module:
        rows = torch.tensor(train.indices)
        return network((X[rows], y[rows]))

    by_item = minimascope.cross_validate(of_subset, TensorDataset(X, y), 3)
    own = minimascope.cross_validate(network, (X, y), 3, loss=nn.CrossEntropyLoss(reduction="none"))
    for other in (by_index, by_item):
        assert np.array_equal(plain.held_out_losses, other.held_out_losses)
    # their criterion works in float32
    assert np.allclose(plain.held_out_losses, own.held_out_losses, rtol=1e-5, atol=1e-6)
    assert (own.loss_name, own.accuracy) == ("CrossEntropyLoss", None)


def test_float_labels_in_a_column_are_classes_of_the_binary_loss() -> None:
    X, y = blobs(classes=2)
    flat = minimascope.cross_validate(logistic, (X, y), 4, loss="binary")
    column = minimascope.cross_validate(
        lambda train: logistic((train[0], train[1][:, 0])),
        (X, y[:, None].astype(np.float64)),
        4,
        loss="binary",
    )
    assert np.array_equal(flat.held_out_losses, column.held_out_losses)
    assert np.array_equal(flat.fold_of, column.fold_of)


class Killed(BaseException):
    """As by a signal."""


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    state, calls = tmp_path / "folds.npz", []

    def fit(train: Any) -> nn.Module:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return network(train)

    with pytest.raises(Killed):
        minimascope.cross_validate(fit, tensors(), 4, state=state)
    said: list[tuple[float, str]] = []
    found = minimascope.cross_validate(
        fit, tensors(), 4, state=state, progress=lambda *each: said.append(each)
    )
    assert len(calls) == 5  # two, the one killed, and the two that were left
    assert said[0][0] == 0.5
    assert "2 of 4 folds done, about" in said[0][1]
    whole = minimascope.cross_validate(network, tensors(), 4)
    assert np.array_equal(found.held_out_losses, whole.held_out_losses)
    assert np.array_equal(found.train_losses, whole.train_losses)
    assert found.accuracy == whole.accuracy
    assert [each.name for each in tmp_path.iterdir()] == ["folds.npz"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 3}, "k 4 there, 3 here"),
        ({"seed": 1}, "seed 0 there, 1 here"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, "loss cross_entropy there"),
        ({"data": (blobs()[0] + 1e-9, blobs()[1])}, "other data"),
        ({"groups": np.arange(90) // 2}, "other split"),
    ],
)
def test_folds_of_another_run_are_not_gone_on_from(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    state = tmp_path / "folds.npz"
    given: dict[str, Any] = {"data": blobs(), "k": 4, "state": state}
    minimascope.cross_validate(logistic, **given)
    with pytest.raises(ProblemError) as refused:
        minimascope.cross_validate(logistic, **{**given, **change})
    assert refused.value.code == "state_differs"
    assert words in refused.value.sentence


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_a_damaged_state_is_said(damage: bytes | None, tmp_path: Path) -> None:
    state = tmp_path / "folds.npz"
    minimascope.cross_validate(logistic, blobs(), 2, state=state)
    state.write_bytes(state.read_bytes()[:200] if damage is None else damage)
    with pytest.raises(ProblemError) as refused:
        minimascope.cross_validate(logistic, blobs(), 2, state=state)
    assert refused.value.code == "state_unreadable"


def never(train: Any) -> Any:
    raise AssertionError("training began")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": nn.CrossEntropyLoss()}, "reduction='mean'"),
        ({"loss": "hinge"}, "Unknown loss 'hinge'"),
        ({"loss": 3}, "loss is a int"),
        ({"k": 91}, "k = 91 folds of 90"),
        ({"data": (blobs()[0], blobs()[1][:5])}, "90 inputs came with 5 targets"),
        ({"data": blobs()[0]}, "data is a ndarray"),
        ({"stratify": "class"}, "stratify = 'class'"),
        ({"stratify": [0, 1]}, "labels have shape [2] for 90"),
        ({"fit_on": "rows"}, "fit_on = 'rows'"),
        ({"state": Path("/no/such/folder/folds.npz")}, "Cannot write"),
    ],
)
def test_bad_input_is_one_sentence_before_training(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError) as refused:
        minimascope.cross_validate(never, **{"data": blobs(), **change})
    assert words in refused.value.sentence


@pytest.mark.parametrize(
    ("fit", "loss", "words"),
    [
        (logistic, lambda f, y: np.mean(f), "one number for"),
        (logistic, lambda f, y: f, "values of shape"),
        (logistic, lambda f, y: np.full(len(y), np.nan), "The loss of example"),
        (lambda train: 3, "cross_entropy", "fit returned a int"),
        (lambda train: lambda X: X[:, :2], "cross_entropy", "outside 0..1"),
    ],
)
def test_losses_that_are_none_are_one_sentence(fit: Any, loss: Any, words: str) -> None:
    with pytest.raises(ProblemError) as refused:
        minimascope.cross_validate(fit, blobs(), 3, loss=loss)
    assert refused.value.code == "losses_unusable"
    assert words in refused.value.sentence


def test_the_document_comes_back_as_it_was(tmp_path: Path) -> None:
    found = minimascope.cross_validate(logistic, blobs(), 5)
    found.save(tmp_path / "folds.json")
    read = Document.model_validate_json((tmp_path / "folds.json").read_text())
    assert read == found.estimate
    assert (read.k, read.n, read.loss) == (5, 90, "cross_entropy")
    assert read.gap_at_n == pytest.approx(0.8 * found.gap, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gap": 0.9}, "no numbers of one cross-validation"),
        ({"k": 101}, "k = 101 folds of 100"),
        ({"gap": float("nan")}, "finite"),
        ({"standard_error": -1}, "greater than or equal"),
    ],
)
def test_a_document_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    whole = {"k": 5, "n": 100, "gap": 0.2, "standard_error": 0.1, "train_loss": 0.1}
    with pytest.raises(ValueError, match=words):
        Document.model_validate({**whole, "held_out_loss": 0.3, **change})


def test_arrays_with_a_network_and_tensors_of_few_bits_are_taken() -> None:
    X, y = blobs()

    def of_arrays(train: Data) -> nn.Module:
        return network((torch.tensor(train[0], dtype=torch.float32), torch.tensor(train[1])))

    named = minimascope.cross_validate(of_arrays, (X, y), 2)
    own = minimascope.cross_validate(
        of_arrays, (X, y), 2, loss=nn.CrossEntropyLoss(reduction="none")
    )
    # their criterion works in float32
    assert np.allclose(named.held_out_losses, own.held_out_losses, rtol=1e-5, atol=1e-6)
    short, labels = torch.tensor(X).bfloat16(), torch.tensor(y)
    found = minimascope.cross_validate(
        lambda train: network((train[0].float(), train[1])), (short, labels), 2
    )
    assert found.n == len(X)
