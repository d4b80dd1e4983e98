"""Models as scripts have them: wrapped, in half precision, of several inputs; and wrong ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import minimascope
from minimascope import ProblemError
from tests.cases.script import Trained, trained

STAGES = ["spectrum"]


@pytest.fixture(scope="module")
def script() -> Trained:
    return trained(epochs=3)


@pytest.fixture(scope="module")
def plain(script: Trained) -> list[float]:
    return found(script.model, script).spectrum.eigenvalues


def found(model: Any, script: Trained, **more: Any) -> Any:
    data = more.pop("data", (script.X, script.y))
    return minimascope.analyze(model, data, script.criterion, stages=STAGES, top_k=3, **more)


class Wrapped(nn.Module):
    """A module of the script's own, whose outputs are a Hugging Face model's."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, inputs: Tensor) -> Any:
        return SimpleNamespace(logits=self.inside(inputs))


class Two(nn.Module):
    """Takes two inputs."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        outputs: Tensor = self.inside(torch.stack([first, second], dim=-1).flatten(1))
        return outputs


def test_a_compiled_or_wrapped_model_is_unwrapped_and_said(
    script: Trained, plain: list[float]
) -> None:
    for model, said in (
        (torch.compile(script.model), "was compiled"),
        (nn.DataParallel(script.model), "wrapped in DataParallel"),
    ):
        result = found(model, script)
        assert result.spectrum.eigenvalues == plain
        assert any(said in each for each in result.warnings)


def test_a_model_that_returns_logits_in_an_object(script: Trained, plain: list[float]) -> None:
    result = found(Wrapped(script.model), script)
    np.testing.assert_allclose(result.spectrum.eigenvalues, plain, rtol=1e-10)
    assert result.report.checkpoint.layers[0] == "inside.0.weight"


def test_several_inputs_and_dicts_through_forward(script: Trained, plain: list[float]) -> None:
    X, y = script.X, script.y
    tuples = DataLoader(TensorDataset(X[:, 0], X[:, 1], y), 12, shuffle=True)
    dicts = [
        {"a": X[i : i + 9, 0], "b": X[i : i + 9, 1], "labels": y[i : i + 9]} for i in (0, 9, 18, 27)
    ]
    model = Two(script.model)
    for data, forward in (
        (tuples, None),
        (tuples, lambda model, batch: model(*batch[:2])),
        (dicts, lambda model, batch: model(batch["a"], batch["b"])),
    ):
        result = found(model, script, data=data, forward=forward, test=data)
        np.testing.assert_allclose(result.spectrum.eigenvalues, plain, rtol=1e-10)
        assert result.data.test.loss == pytest.approx(result.data.train.loss)


def test_one_input_through_forward_keeps_its_distances(script: Trained, plain: list[float]) -> None:
    result = found(script.model, script, forward=lambda model, batch: model(batch[0]))
    assert result.spectrum.eigenvalues == plain
    assert result.data.input_shape == [2]


def test_half_precision_is_said_and_computed_with_all_digits(script: Trained) -> None:
    result = found(trained(epochs=3).model.bfloat16(), script)
    assert any("bfloat16" in each for each in result.warnings)
    assert result.report.dtype == "float64"


def test_what_requires_no_gradient_was_not_trained(script: Trained) -> None:
    model = trained(epochs=3).model
    model[0].requires_grad_(False)
    assert found(model, script).objective.trained == 21


def test_a_transformer_with_masks_from_a_data_set_of_dicts() -> None:
    """Every stage that asks for parameters alone, the per-example ones included."""
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=9,
            intermediate_size=5,
            max_position_embeddings=6,
            num_labels=2,
            type_vocab_size=1,
            **sizes,
        )
        model = BertForSequenceClassification(config)
        ids = torch.randint(0, 9, (12, 5))
    kind = model.config._attn_implementation
    rows = [
        {
            "input_ids": ids[i].tolist(),
            "attention_mask": [1, 1, 1, i % 2, 0],
            "labels": i % 3 == 0,
            "text": "words",
        }
        for i in range(12)
    ]

    class Rows:
        column_names = tuple(rows[0])

        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, place: int) -> dict[str, Any]:
            return rows[place]

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    result = minimascope.analyze(
        model, Rows(), "cross_entropy", optimizer, stages=["spectrum", "gap", "boundary"], top_k=2
    )
    assert result.failures == []
    assert result.data.input_shape == [1]
    assert model.config._attn_implementation == kind
    loss = model.eval()(
        input_ids=ids,
        attention_mask=torch.tensor([row["attention_mask"] for row in rows]),
        labels=torch.tensor([int(row["labels"]) for row in rows]),
    ).loss
    assert result.data.train.loss == pytest.approx(float(loss.detach()), rel=1e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"model": "net.pt"}, "The model is a str"),
        ({"model": nn.Sequential(nn.Flatten())}, "No parameter of the model has requires_grad"),
        ({"data": None}, "No training data came"),
        ({"data": iter([(torch.ones(2, 2), torch.zeros(2))])}, "can be gone over once"),
        ({"criterion": nn.CrossEntropyLoss(reduction="none")}, "reduction='none'"),
        ({"criterion": nn.CrossEntropyLoss(), "data": "floats"}, "not whole numbers"),
        ({"criterion": nn.MSELoss()}, "1 numbers an example, the network gives 3"),
        ({"model": nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))}, "does not fit the loss"),
        ({"optimizer": torch.optim.SGD(nn.Linear(2, 2).parameters())}, "none of the model's"),
        ({"forward": 3}, "forward is a int"),
        ({"weight_decya": 0.1}, "no option 'weight_decya'"),
        ({"stages": ["gapp"]}, "stages:"),
        ({"seconds": -1.0}, "seconds: Input should be greater than 0"),
        ({"dtype": torch.bfloat16}, "dtype: bfloat16 has too few digits for curvature"),
        ({"data": (torch.ones(4, 5), torch.zeros(4).long())}, "expects 2 numbers"),
    ],
)
def test_wrong_use_gets_one_sentence(script: Trained, given: dict[str, Any], sentence: str) -> None:
    given = dict(given)
    if isinstance(given.get("data"), str):
        given["data"] = (script.X, script.X[:, 0])
    model = given.pop("model", script.model)
    data = given.pop("data", (script.X, script.y)) if given.get("data", 0) is not None else None
    given.pop("data", None)
    criterion = given.pop("criterion", script.criterion)
    with pytest.raises(ProblemError) as refused:
        minimascope.analyze(model, data, criterion, **{"stages": STAGES, **given})
    assert sentence in refused.value.line()
    assert refused.value.sentence.endswith((".", "?"))
