"""`analyze` by two ranks is `analyze`; ranks that differ and ranks that are lost are said to be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from minimascope.contract.problems import ProblemError
from minimascope.results.result import Result
from tests.cases.ranks import join
from tests.cases.ranks_of_script import analysis
from tests.cases.script import trained


@dataclass(frozen=True)
class Played:
    """What two ranks found, what the second one heard, and what the first one raised."""

    together: Result
    heard: dict[str, Any]
    differ: ProblemError
    lost: ProblemError


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-m", "tests.cases.ranks_of_script"]
    with subprocess.Popen([*command, str(folder / "store"), str(folder / "told")]) as other:
        join(folder / "store", 0, 2)
        try:
            group = dist.group.WORLD
            together = analysis(trained(), group=group)
            differ, lost = refusal(group), refusal(group)
        finally:
            dist.destroy_process_group()
            other.kill()
    return Played(together, json.loads((folder / "told").read_text()), differ, lost)


def refusal(group: object) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        analysis(trained(), group=group)
    return caught.value


def test_two_ranks_report_what_one_process_reports(played: Played) -> None:
    alone, together = analysis(trained()).report, played.together.report
    assert together.failures == []
    pairs = [(x.spectrum.eigenvalues, x.spectrum.trace.value) for x in (alone, together)]
    for one, other in zip(*pairs, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9)
    one, other = (
        dict(numbers(x.gap.model_dump(mode="json", exclude={"plan"}))) for x in (alone, together)
    )
    assert len(one) > 50
    assert other == pytest.approx(one, rel=1e-6, abs=1e-9, nan_ok=True)
    assert together.gap.verdict == alone.gap.verdict


def numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a JSON document, by its place."""
    if isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(each, f"{place}/{key}")
    elif isinstance(value, float):
        yield place, value


def test_every_rank_has_the_report(played: Played) -> None:
    assert played.heard["report"] == played.together.report.model_dump(mode="json")


def test_ranks_with_other_data_are_refused_at_every_rank(played: Played) -> None:
    assert played.differ.code == played.heard["differ"]["code"] == "ranks_differ"
    assert "Rank 1 has another network or other training data" in played.differ.sentence


def test_a_lost_rank_is_said_to_be_lost(played: Played) -> None:
    assert played.lost.code == "rank_lost"
    assert "A process of this analysis was lost" in played.lost.sentence


def test_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"torch.distributed is not initialised"):
        analysis(trained(), group="world")
    assert not torch.distributed.is_initialized()
