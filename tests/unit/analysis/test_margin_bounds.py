"""Margins in a report: brackets over the right points, wrong ones apart, kept and shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.costs import certificates as costs
from minimascope.analysis.session.opening import Files, open_files
from minimascope.analysis.stages import margin_bounds, margin_search
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import ClosestCrossings, Report
from tests.cases.analyses import Kept, analysed, save

TANH = {"family": "mlp", "activation": "tanh"}
ASKED = Parameters(architecture=TANH, stages=["spectrum", "margins"], top_k=3)
WRONG = 3  # labels that the network was not trained on


def trained(folder: Path, *, inputs: int = 2, n: int = 50) -> tuple[Report, Kept]:
    torch.manual_seed(0)
    x = torch.randn(n, inputs)
    y = ((2 * x[:, 0]).sin() + x[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(inputs, 10), nn.Tanh(), nn.Linear(10, 2))
    optimiser = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(400):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    assert (network(x).argmax(1) == y).all()
    y[:WRONG] = 1 - y[:WRONG]
    save(folder, network, (x, y))
    return analysed(folder, ASKED)


def sections(report: Report) -> list[ClosestCrossings]:
    assert report.failures == []
    assert report.margins is not None
    assert report.margins.linf is not None
    return [report.margins.l2, report.margins.linf]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Kept, Path]:
    folder = tmp_path_factory.mktemp("plane")
    return *trained(folder), folder


def test_every_margin_is_a_bracket_over_the_right_points(
    plane: tuple[Report, Kept, Path],
) -> None:
    report, kept, _ = plane
    for found, suffix in zip(sections(report), ("", "_linf"), strict=True):
        upper, lower = kept.arrays[f"margins{suffix}"], kept.arrays[f"margins{suffix}_lower"]
        assert (upper[:WRONG] < 0).all()
        assert (upper[WRONG:] > 0).all()
        assert np.isnan(lower[:WRONG]).all()
        assert (lower[WRONG:] <= upper[WRONG:]).all()
        assert found.misclassified == WRONG
        assert found.smallest.upper == upper[WRONG:].min()
        assert found.smallest.lower == lower[WRONG:].min()
        assert found.argmin is not None
        assert found.argmin >= WRONG
        assert found.bounded == len(upper) - WRONG
        assert found.covered is None
        # The plane is cut: to a percent.
        assert (lower[WRONG:] / upper[WRONG:]).min() > 0.98
        each = [*found.per_class.values(), *[p.margin for p in found.per_pair], found.median]
        assert all(b.lower is not None and b.upper and b.lower <= b.upper for b in each)
        assert "boxes cut" in found.method


def test_without_boxes_and_radii_the_smallest_margin_is_still_bracketed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "RADII_SECONDS", 0.0)
    report, kept = trained(tmp_path, inputs=5)
    for found in sections(report):
        assert found.bounded == 0
        assert found.smallest.lower
        assert found.smallest.upper
        assert found.smallest.lower > 0.5 * found.smallest.upper
        assert found.smallest.lower <= found.smallest.upper
        assert found.median.lower is None  # no point has a bound of its own
    assert (kept.arrays["margins_lower"][WRONG:] <= kept.arrays["margins"][WRONG:]).all()


def test_a_network_without_bounds_says_so_and_never_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elu = Parameters(
        architecture={"family": "mlp", "activation": "elu"}, stages=["spectrum", "margins"], top_k=2
    )
    torch.manual_seed(0)
    x = torch.randn(20, 3)
    network = nn.Sequential(nn.Linear(3, 5), nn.ELU(), nn.Linear(5, 2))
    save(tmp_path, network, (x, network(x).argmax(1)))
    report, kept = analysed(tmp_path, elu)
    for found in sections(report):
        assert found.smallest.upper
        assert found.smallest.lower is None
        assert found.smallest.words(str).endswith("not bounded below")
        assert "elu" in (found.not_bounded or "")
        assert all(each.lower is None for each in found.per_class.values())
    assert np.isnan(kept.arrays["margins_lower"]).all()


def test_a_killed_stage_goes_on_from_its_parts(
    plane: tuple[Report, Kept, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept is not computed again, and the numbers are the same."""
    report, kept, folder = plane
    unfinished = tmp_path / "kept"
    first, _ = analysed(folder, ASKED, unfinished=unfinished)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(margin_search, "boundary_ends", never)
    monkeypatch.setattr(margin_bounds, "radii_at_least", never)
    again, arrays = analysed(folder, ASKED, unfinished=unfinished)
    assert sections(first) == sections(again) == sections(report)
    assert np.array_equal(arrays.arrays["margins_lower"], kept.arrays["margins_lower"], True)


def test_parts_say_what_their_radii_take(plane: tuple[Report, Kept, Path]) -> None:
    files = Files(plane[2] / "model.pt", plane[2] / "train.npz")
    minimum = open_files(files, ASKED, workdir=plane[2]).minimum
    sizes = costs.bound_sizes(minimum, minimum.n)
    parts = margin_search.parts(minimum)
    assert sizes.bounded == minimum.n
    searched = 2 * minimum.n * margin_search.search_seconds(minimum)
    assert sum(each.seconds for each in parts) == pytest.approx(
        searched + 2 * minimum.n * sizes.each
    )


@pytest.mark.parametrize(("some", "count"), [(0, 10), (3, 10), (10, 10), (7, 300)])
def test_chosen_points_are_spread_evenly(some: int, count: int) -> None:
    places = margin_search.spread(some, count).nonzero()[:, 0]
    assert len(places) == some
    if some > 1:
        apart = places.diff()
        assert int(apart.max() - apart.min()) <= 1
