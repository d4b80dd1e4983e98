"""Rows: what stands in each column, on weights made so that it is known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from minimascope.contract.weights import WeightRow
from minimascope.weight_matrices import findings, measured
from minimascope.weight_matrices.row import row


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def of(weight: Tensor, **more: Tensor) -> WeightRow:
    return row("w", weight, all_up_to=1024, **more)


def test_norms_and_stable_rank() -> None:
    weight = drawn(50, 30)
    found = of(weight)
    first = float(torch.linalg.matrix_norm(weight, 2))
    assert math.isclose(found.norm, float(weight.norm()), rel_tol=1e-6)
    assert math.isclose(found.spectral_norm, first, rel_tol=1e-5)
    assert math.isclose(found.stable_rank, float(weight.norm()) ** 2 / first**2, rel_tol=1e-5)
    assert sum(found.singular_values.counts) == 30


def test_numbers_that_are_not_finite_are_counted_and_bar_the_spectrum() -> None:
    weight = drawn(30, 30)
    weight[0, :3], weight[1, 0] = math.nan, math.inf
    found = of(weight)
    assert (found.nan, found.infinite) == (3, 1)
    assert found.singular_values is None
    assert "not finite" in found.notes[0]
    assert math.isfinite(found.norm)


def test_one_huge_number_is_found() -> None:
    weight = drawn(300, 300)
    weight[3, 4] = 1e5
    assert of(weight).huge == 1


def test_dead_unread_and_copied_units() -> None:
    weight, bias = drawn(60, 40), drawn(60, seed=1)
    weight[7], weight[:, 3], weight[20] = 0, 0, weight[11]
    assert of(weight).units.model_dump()["dead_units"] == [7]
    assert of(weight).units.unread_inputs == [3]
    assert of(weight).units.copied_units == [20]
    assert of(weight, bias=bias).units.copies == 0  # another bias is another unit
    bias[20] = bias[11]
    assert of(weight, bias=bias).units.copied_units == [20]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda w: nn.init.xavier_uniform_(w), "Xavier (uniform"),
        (lambda w: nn.init.kaiming_normal_(w), "Kaiming (normal"),
        (lambda w: nn.init.trunc_normal_(w, std=0.02), "transformers"),
        (lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)), "torch's default"),
    ],
)
def test_initialisations_are_named(how: object, said: str) -> None:
    torch.manual_seed(0)
    weight = how(torch.empty(96, 64))
    assert of(weight).drawn_as.startswith(said)


def test_a_bias_beyond_its_bounds_or_a_spike_was_trained() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 96)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    assert of(weight, bias=bias).drawn_as
    assert of(weight, bias=bias + 1).drawn_as is None
    assert of(weight + 0.02, bias=bias).drawn_as is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_rank_of_a_merged_adapter_whatever_it_is_stored_as(dtype: torch.dtype) -> None:
    before = (0.05 * drawn(200, 120)).to(dtype)
    adapter = 0.01 * drawn(200, 6, seed=1) @ drawn(6, 120, seed=2)
    after = (before.float() + adapter).to(dtype)
    change = of(after, before=before).change
    assert change.rank == 6
    expected = float((after.double() - before.double()).norm())
    assert math.isclose(change.distance, expected, rel_tol=1e-9)


def test_no_change_is_rank_zero_and_all_of_it_full_rank() -> None:
    before = drawn(60, 40)
    assert of(before, before=before.clone()).change.rank == 0
    assert of(drawn(60, 40, seed=1), before=before).change.rank == 40
    assert of(before, before=drawn(60, 41)).change is None


def test_findings_name_what_is_wrong_and_what_is_the_same() -> None:
    weight = drawn(40, 30)
    broken = weight.clone()
    broken[0] = math.nan
    rows = [row(name, w, all_up_to=64) for name, w in (("a", weight), ("b", weight), ("c", broken))]
    report = findings.report(rows, format="", name="x", all_up_to=64, tied={})
    assert report.findings[0] == "c holds 30 NaN and 0 infinite values among 1200."
    assert any("b is a" in sentence for sentence in report.findings)


def test_empty_and_tiny_tensors_have_rows() -> None:
    for shape in ((), (1,), (0, 5), (1, 1), (3, 0), (1, 7)):
        assert of(torch.ones(shape)).shape == list(shape)


def test_the_rates_in_words_are_those_that_were_measured() -> None:
    path = Path(__file__).parents[3] / "benchmarks/results/untouched_weights.json"
    found = json.loads(path.read_text())
    told = (measured.FOUND, measured.UNTRAINED, measured.WRONGLY, measured.TRAINED)
    assert told == tuple(found[name] for name in ("found", "untrained", "wrongly", "trained"))
    barely = (found["after_20_steps_called_untouched"], found["after_20_steps"])
    assert barely == (measured.STILL, measured.BARELY_TRAINED)
