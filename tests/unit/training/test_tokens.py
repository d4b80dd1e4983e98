"""A label at every position: language models from a script, against refits and torch's losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

import minimascope as ms
from minimascope.contract.problems import ProblemError

CLASSES, LENGTH, COUNT, DECAY = 4, 5, 40, 0.03


def texts() -> tuple[Tensor, Tensor]:
    """Sequences (n × T) and the token after each; some positions count for nothing."""
    whole = torch.randint(0, CLASSES, (COUNT, LENGTH + 1), generator=torch.manual_seed(0))
    after = whole[:, 1:].clone()
    after[2, 3:] = after[5, 4:] = -100
    return whole[:, :-1], after


class Bigrams(nn.Module):
    """Logits of the next token by the last one: the loss is convex."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(CLASSES, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table(tokens)


class ClassesFirst(Bigrams):
    """As torch's losses take them."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table(tokens).transpose(1, 2)


def mean_loss(logits: Tensor, after: Tensor) -> Tensor:
    """The line of every training loop of a language model."""
    return functional.cross_entropy(logits.flatten(0, 1), after.flatten())


def fit(model: nn.Module, loss: Callable[[], Tensor]) -> torch.optim.Optimizer:
    step = torch.optim.LBFGS(
        model.parameters(), max_iter=500, tolerance_grad=1e-12, tolerance_change=0
    )

    def closure() -> Tensor:
        step.zero_grad()
        value = loss()
        value.backward()
        return value

    step.step(closure)
    return step


def penalty(model: nn.Module) -> Tensor:
    return DECAY / 2 * sum((q.square().sum() for q in model.parameters()), torch.zeros(()))


def analysed(model: nn.Module, data: Any, criterion: Any) -> ms.Report:
    stages = ["spectrum", "gap"]
    return ms.analyze(model, data, criterion, weight_decay=DECAY, stages=stages, progress=False)


@pytest.fixture(scope="module")
def minimum() -> Bigrams:
    model, (tokens, after) = Bigrams().double(), texts()
    fit(model, lambda: mean_loss(model(tokens), after) + penalty(model))
    return model


def refits(tokens: Tensor, after: Tensor) -> Tensor:
    """Loss of each sequence by a network trained without it, in its share of the mean (n,)."""
    counted, found = int((after != -100).sum()), []
    for i in range(COUNT):
        rest, model = torch.arange(COUNT) != i, Bigrams().double()

        def loss(model: nn.Module = model, rest: Tensor = rest) -> Tensor:
            logits = model(tokens[rest]).flatten(0, 1)
            summed = functional.cross_entropy(logits, after[rest].flatten(), reduction="sum")
            return summed / counted + penalty(model)

        fit(model, loss)
        logits = model(tokens[i])
        alone = functional.cross_entropy(logits, after[i], reduction="sum").detach()
        found.append(alone * COUNT / counted)
    return torch.stack(found)


def test_leaving_a_sequence_out_is_what_refits_say(minimum: Bigrams) -> None:
    tokens, after = texts()
    report = analysed(minimum, (tokens, after), nn.CrossEntropyLoss())
    assert report.failures == []
    assert report.gap is not None
    exact = refits(tokens, after).mean() - mean_loss(minimum(tokens), after).detach()
    trained = float(mean_loss(minimum(tokens), after).detach())
    assert report.data.train.loss == pytest.approx(trained, rel=1e-9)
    right = (minimum(tokens).argmax(2) == after)[after != -100].double().mean()
    assert report.data.train.accuracy == pytest.approx(float(right), rel=1e-9)
    assert report.gap.estimates["alo_ggn"].value == pytest.approx(float(exact), rel=0.03)
    assert any("leaves out a sequence" in said for said in report.warnings)
    assert report.gap.verdict != "reliable"


@pytest.mark.parametrize("criterion", [None, mean_loss, "CrossEntropyLoss"])
def test_the_ways_to_say_it_give_the_same_numbers(minimum: Bigrams, criterion: Any) -> None:
    first = ClassesFirst().double()
    first.load_state_dict(minimum.state_dict())
    known = analysed(first, texts(), nn.CrossEntropyLoss())
    found = analysed(minimum, texts(), criterion)
    assert found.spectrum is not None
    assert known.spectrum is not None
    assert found.spectrum.eigenvalues == pytest.approx(known.spectrum.eigenvalues, rel=1e-9)
    assert found.gap is not None
    assert known.gap is not None
    assert found.gap.estimates["alo_ggn"] == pytest.approx(known.gap.estimates["alo_ggn"])
    assert found.objective.loss == "cross_entropy"


def test_no_boundary_is_said_in_words(minimum: Bigrams) -> None:
    found = ms.analyze(minimum, texts(), stages=["boundary", "margins"], progress=False)
    assert [each.stage for each in found.failures] == ["margins"]
    assert "Each position of a sequence has a label of its own" in found.failures[0].sentence


def test_labels_that_no_position_can_have_are_named(minimum: Bigrams) -> None:
    tokens, after = texts()
    after[3, 1] = CLASSES
    with pytest.raises(ProblemError, match=r"Label 4 is outside 0\.\.3 in the training data"):
        analysed(minimum, (tokens, after), nn.CrossEntropyLoss())
    with pytest.raises(ProblemError, match="No position has a label that counts"):
        analysed(minimum, (tokens, torch.full_like(after, -100)), nn.CrossEntropyLoss())
    with pytest.raises(ProblemError, match=r"labels a sequence|not one-hot"):
        analysed(minimum, (tokens, after[:, :3]), nn.CrossEntropyLoss())


def test_a_causal_model_of_hugging_face_is_asked_for_the_next_token() -> None:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=7, n_positions=6, n_embd=8, n_layer=1, n_head=2, n_inner=8)
    model = GPT2LMHeadModel(config).eval()
    tokens = torch.randint(0, 7, (6, 6))
    labels = tokens.masked_fill(torch.arange(6) > 4, -100)
    report = ms.analyze(
        model,
        [{"input_ids": tokens, "labels": labels}],
        stages=["spectrum"],
        dtype="float64",
        progress=False,
    )
    assert report.failures == []
    expected = float(model(input_ids=tokens, labels=labels).loss.detach())
    assert report.data.train.loss == pytest.approx(expected, rel=1e-5)
    assert any("predicts the next token" in said for said in report.warnings)
