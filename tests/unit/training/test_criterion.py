"""Criteria of scripts: losses with a name and their options, and any function of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.objective.criterion import Criterion
from minimascope.objective.named import loss_named
from minimascope.training.criterion import told_by
from tests.cases.script import trained

F = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1, 0])


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    P = outputs.softmax(1).gather(1, targets[:, None])[:, 0]
    return (-((1 - P) ** 2) * P.log()).mean()


@pytest.mark.parametrize(
    ("criterion", "fields"),
    [
        (
            nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1, ignore_index=7),
            {
                "loss": "CrossEntropyLoss",
                "label_smoothing": 0.1,
                "class_weights": [1.0, 2.0, 3.0],
                "ignore_index": 7,
            },
        ),
        (nn.NLLLoss(), {"loss": "NLLLoss"}),
        (nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0])), {"pos_weight": [2.0]}),
        (nn.MSELoss(), {"loss": "MSELoss"}),
        (functional.cross_entropy, {"loss": "CrossEntropyLoss"}),
        ("binary", {"loss": "binary"}),
        (None, {"loss": "CrossEntropyLoss"}),
    ],
)
def test_options_are_read(criterion: Any, fields: dict[str, Any]) -> None:
    told = told_by(criterion, F, Y)
    assert fields.items() <= told.fields.items()
    assert told.summed is None
    assert criterion is not None or "assumed" in told.said[0]


def test_a_sum_says_how_much_an_example_adds() -> None:
    assert told_by(nn.CrossEntropyLoss(reduction="sum"), F, Y).summed == 1
    assert told_by(nn.MSELoss(reduction="sum"), F, F).summed == 3  # three squares an example
    weights = torch.tensor([1.0, 2.0, 4.0])
    weighted = told_by(nn.CrossEntropyLoss(weights, reduction="sum"), F, Y)
    assert weighted.summed == pytest.approx(float(weights[Y].mean()))


def sums(outputs: Tensor, targets: Tensor) -> Tensor:
    return focal(outputs, targets) * len(outputs)


def spread(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.var() + 0 * targets.sum()


@pytest.mark.parametrize(("function", "summed"), [(focal, None), (sums, 1.0)])
def test_any_mean_or_sum_over_examples_is_taken(
    function: Callable[..., Tensor], summed: float | None
) -> None:
    told = told_by(function, F, Y)
    assert told.summed == summed
    assert told.function is function
    assert "need a likelihood" in told.said[0]


@pytest.mark.parametrize(
    ("criterion", "sentence"),
    [
        (nn.CrossEntropyLoss(reduction="none"), "has reduction='none'"),
        (spread, "neither the mean"),
        (lambda f, y: (f - y[:, None]).square(), "one number is needed"),
        (nn.KLDivLoss(), "Is it the criterion of these targets?"),
        ("hinge", "no loss 'hinge'"),
        (3, "The criterion is a int"),
        (nn.CrossEntropyLoss(reduction="batchmean"), "is no reduction"),
    ],
)
def test_no_mean_and_no_sum_gets_one_sentence(criterion: Any, sentence: str) -> None:
    with pytest.raises(ProblemError) as refused:
        told_by(criterion, F, Y.long())
    assert sentence in refused.value.line()


def test_derivatives_of_a_function_are_those_of_the_loss_it_is() -> None:
    f, known = F.double(), loss_named("cross_entropy")
    own = Criterion(functional.cross_entropy, (3,), 3)
    torch.testing.assert_close(own.values(f, Y), known.values(f, Y))
    torch.testing.assert_close(own.residual(f, Y), known.residual(f, Y))
    torch.testing.assert_close(own.curvatures(f, Y), known.curvatures(f, Y))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(own.curvature_map(f, Y)(x), known.curvature_map(f, Y)(x))
    torch.testing.assert_close(own.margins(f, Y), known.margins(f, Y))


def test_spectrum_and_alignment_of_a_function_are_exact() -> None:
    """A function that is cross-entropy, whose name nobody knows, has the same Hessian."""
    script = trained(epochs=5)
    stages = ["spectrum", "gap", "boundary"]

    def mine(outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.nll_loss(outputs.log_softmax(1), targets)

    data = (script.X, script.y)
    known = minimascope.analyze(script.model, data, "cross_entropy", stages=stages, top_k=3)
    found = minimascope.analyze(script.model, data, mine, stages=stages, top_k=3)
    np.testing.assert_allclose(found.spectrum.eigenvalues, known.spectrum.eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(found.arrays["alignment"], known.arrays["alignment"], atol=1e-7)
    assert found.report.loss == "custom"
    assert [each.stage for each in found.failures] == ["gap"]
    assert "need a likelihood" in found.failures[0].sentence
