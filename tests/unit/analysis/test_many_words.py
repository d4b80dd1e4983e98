"""A language model whose logits do not stand at once, from a call to the page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import minimascope as ms
from dashboard.drawing.payload import drawing
from dashboard.pages.analysis.answer import range_of
from dashboard.pages.analysis.findings import gap_finding
from dashboard.pages.analysis.tabs import GROUPS, side
from minimascope.analysis import fitting
from minimascope.analysis.costs import gap as gap_costs
from minimascope.analysis.costs.stages import stage_costs
from minimascope.curvature.gap import sequences
from minimascope.curvature.minimum.minimum import prepare
from minimascope.objective.tokens import TokenCrossEntropy
from minimascope.results.result import Result

WORDS, LENGTH, COUNT, DECAY = 11, 5, 12, 0.05


class Bigrams(nn.Module):
    """Logits of the next token by an embedding of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(WORDS, 4), nn.Linear(4, WORDS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(torch.tanh(self.words(ids)))


def texts(count: int, seed: int) -> tuple[Tensor, Tensor]:
    whole = torch.randint(0, WORDS, (count, LENGTH + 1), generator=torch.manual_seed(seed))
    return whole[:, :-1], whole[:, 1:]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setattr(sequences, "MOST_LOGITS", 0)
    torch.manual_seed(0)
    found, (ids, after) = Bigrams(), texts(COUNT, 0)
    step = torch.optim.Adam(found.parameters(), lr=0.05, weight_decay=DECAY)
    for _ in range(300):
        step.zero_grad()
        nn.functional.cross_entropy(found(ids).flatten(0, 1), after.flatten()).backward()
        step.step()
    return found


def analysed(network: nn.Module, **more: Any) -> Any:
    asked = {"weight_decay": DECAY, "stages": ["spectrum", "gap"], "progress": False, **more}
    return ms.analyze(network, texts(COUNT, 0), test=texts(6, 1), **asked)


@pytest.mark.parametrize("seconds", [None, 600.0])
def test_a_report_has_a_gap_with_its_error_and_is_drawn(
    network: nn.Module, seconds: float | None
) -> None:
    result = analysed(network) if seconds is None else analysed(network, seconds=seconds)
    report = result.report
    assert [each.stage for each in report.failures] == []
    gap = report.gap
    moved = gap.estimates["alo_moved"]
    assert moved.value > 0
    assert moved.standard_error > 0
    assert "sequences" in moved.method
    assert gap.measured.value is not None
    assert gap.headline is not None
    assert gap.verdict == "uncertain"
    assert gap.route == "matrix_free"
    assert gap.model_validate_json(gap.model_dump_json(by_alias=True)) == gap
    arrays = result.arrays
    assert "gap" in drawing(report, arrays)["figures"]
    drawn = range_of(gap)
    assert (drawn.value, drawn.half) == (gap.headline.value, gap.headline.half)
    assert gap_finding(report)
    assert all(side(part, report) is not None for _, parts in GROUPS.values() for part in parts)
    assert str(Result(report, arrays))


def test_what_was_not_looked_for_is_said(network: nn.Module) -> None:
    """Another objective that weights short of their minimum speak for."""
    report = analysed(network, stages=["gap"], weight_decay=2 * DECAY).report
    assert "Whether another one fits better was not looked at" in report.objective.checked
    assert report.objective.findings == []


def test_the_plan_of_such_a_gap_is_of_what_can_look_at_less(network: nn.Module) -> None:
    """It ends with what a budget leaves; beside the products it costs next to nothing."""
    minimum = prepare(network, *texts(COUNT, 0), loss=TokenCrossEntropy())
    whole = gap_costs.gap_seconds(minimum, slower=1.0, product=1.0, moved=300.0)
    assert whole == pytest.approx(gap_costs.GGN_SHARE * gap_costs.shared_vectors() + 300.0)
    part = gap_costs.gap_seconds(minimum, slower=1.0, seconds=500.0, product=1.0, moved=300.0)
    assert part == 500.0
    least = gap_costs.gap_seconds(minimum, slower=1.0, seconds=0.0, product=1.0, moved=300.0)
    assert 0 < least < part
    assert "gap" in fitting.COARSER


def test_its_plan_keeps_what_it_is_allowed(network: nn.Module) -> None:
    """To the last tenth, its start counted in: a stage planned for more is left out."""
    minimum = prepare(network, *texts(COUNT, 0), loss=TokenCrossEntropy())
    plan: Any = SimpleNamespace(seconds_per_product=1.0, operator=SimpleNamespace(graph_bytes=1))
    found = stage_costs(minimum, plan, ["gap"], top_k=2, allowed={"gap": 500.0})
    assert found["gap"] == pytest.approx(500.0)


def test_too_little_time_is_said_in_one_sentence(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimascope.analysis.stages.gap.LONGEST", 1e-7)
    result = analysed(network, stages=["gap"])
    report = result.report
    (failure,) = report.failures
    assert failure.stage == "gap"
    assert "A product with the GGN takes" in failure.sentence
