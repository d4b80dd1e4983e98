"""What an analysis would cost is told stage by stage, and follows what it does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from minimascope.analysis import planning
from minimascope.analysis.costs import boundary as boundary_costs
from minimascope.analysis.costs import gap as gap_costs
from minimascope.analysis.costs import margins as margin_costs
from minimascope.analysis.costs import planes
from minimascope.analysis.costs import stages as stage_costs
from minimascope.analysis.costs.certificates import bound_sizes
from minimascope.analysis.costs.spectrum import eigenvectors_of, plan_stage
from minimascope.analysis.planning import planned
from minimascope.analysis.session.opening import Files, open_files
from minimascope.analysis.session.sampling import for_spectrum
from minimascope.analysis.stages import margin_search as margins_stage
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import STAGES
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.sweep.matrix_free import LONGEST
from tests.cases.analyses import CNN, analysed, digit_images, digits_network, save


@pytest.fixture
def as_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is exactly as fast as the one the work was counted for."""
    monkeypatch.setattr(stage_costs, "slower_than_counted", lambda *_: 1.0)


def network(n: int, *, inputs: int = 6) -> Minimum:
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        chain = nn.Sequential(nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, 3))
    X = torch.randn(n, inputs, generator=generator)
    return prepare(chain, X, torch.randint(0, 3, (n,), generator=generator))


def costs(minimum: Minimum, top_k: int = 5) -> dict[str, float]:
    plan = plan_stage(minimum, Parameters(top_k=top_k))
    found = stage_costs.stage_costs(minimum, plan, STAGES, top_k=top_k)
    return {str(stage): seconds for stage, seconds in found.items()}


def test_every_stage_asked_for_has_its_seconds_and_no_other(tmp_path: Path) -> None:
    images, labels = digit_images()
    save(tmp_path, digits_network(images, labels, steps=3), (images[:60], labels[:60]))
    files = Files(tmp_path / "model.pt", tmp_path / "train.npz", None)
    for asked, told in ((STAGES, STAGES), (["gap"], ("gap",)), (["margins"], None)):
        parameters = Parameters(architecture=CNN, stages=list(asked))
        opened = open_files(files, parameters, workdir=tmp_path)
        found = planned(opened, parameters)["stage_seconds"]
        assert set(found) == set(told or ("spectrum", "margins"))
        assert all(seconds > 0 for seconds in found.values())


@pytest.mark.usefixtures("as_counted")
def test_margins_are_what_their_parts_are_said_to_take() -> None:
    minimum = network(200)
    searches = sum(each.seconds for each in margins_stage.parts(minimum))
    steps = margin_costs.steps_for(minimum, vectors=5)
    ascents = steps * margin_costs.step_seconds(minimum, vectors=5)
    rest = 2 * bound_sizes(minimum, minimum.n).rest
    assert rest > 0
    expected = stage_costs.STARTED + searches + ascents + rest
    assert costs(minimum)["margins"] == pytest.approx(expected)


@pytest.mark.usefixtures("as_counted")
def test_more_examples_and_more_vectors_cost_more() -> None:
    few, many = costs(network(100)), costs(network(1000))
    assert all(many[stage] > few[stage] for stage in ("gap", "boundary", "margins"))
    assert costs(network(100), top_k=10)["boundary"] > few["boundary"]


@pytest.mark.usefixtures("as_counted")
def test_two_features_are_drawn_as_they_are_and_not_embedded() -> None:
    base, each = boundary_costs.EMBEDDING_SECONDS
    flat, deep = costs(network(400, inputs=2)), costs(network(400, inputs=3))
    assert deep["boundary"] - flat["boundary"] == pytest.approx(base + 400 * each, rel=0.2)


def test_a_long_spectrum_in_float64_is_told_that_float32_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = digit_images()
    chain = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    save(tmp_path, chain, (images.flatten(1), labels))
    files = Files(tmp_path / "model.pt", tmp_path / "train.npz", None)
    relu = {"family": "mlp", "activation": "relu"}
    for dtype, seconds, told in (
        ("float64", 0.0, True),
        ("float64", 1e9, False),
        ("float32", 0.0, False),
    ):
        monkeypatch.setattr(planning, "LONG", seconds)
        parameters = Parameters(architecture=relu, stages=["spectrum"], dtype=dtype)
        opened = open_files(files, parameters, workdir=tmp_path)
        warnings = planned(opened, parameters)["warnings"]
        assert any("float32" in words for words in warnings) == told


def test_a_matrix_free_gap_is_planned_for_no_longer_than_it_may_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gap_costs, "row_seconds", lambda _: 1.0)
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(40, 2000), nn.Tanh(), nn.Linear(2000, 10))
    n = 40_000
    minimum = prepare(wide, torch.zeros(n, 40), torch.zeros(n, dtype=torch.long))
    assert gap_costs.sweep_seconds(minimum, slower=3.0) == LONGEST


TINY = {
    "all of a small one": (120, Parameters(top_k=4)),
    "fewer parameters than vectors": (40, Parameters(top_k=200)),
    "a sample of everything": (120, Parameters(top_k=3, spectrum_examples=50)),
}


@pytest.mark.parametrize("limited", [False, True], ids=["as it is", "where all takes long"])
@pytest.mark.parametrize("name", TINY)
def test_a_stage_looks_at_what_its_plan_assumed(
    name: str, limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forecast and deed are of the same samples and grids, read back from the report."""
    if limited:
        monkeypatch.setattr(margin_costs, "SEARCH_SECONDS", 0.0)
        monkeypatch.setattr(boundary_costs, "WALK_SECONDS", 0.0)
        monkeypatch.setattr(boundary_costs, "FEWEST_WALKED", 35)
        monkeypatch.setattr(boundary_costs, "HESSIAN_SECONDS", 0.0)
        monkeypatch.setattr(planes, "PLANE_SECONDS", 1e-9)
    n, asked = TINY[name]
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    save(
        tmp_path,
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)),
        (x, (x[:, 0] > 0).long()),
    )
    tanh = {"family": "mlp", "activation": "tanh"}
    parameters = asked.model_copy(update={"architecture": tanh})
    files = Files(tmp_path / "model.pt", tmp_path / "train.npz")
    minimum = open_files(files, parameters, workdir=tmp_path).minimum
    vectors = eigenvectors_of(minimum, parameters)
    drawn = boundary_costs.boundary_sizes(minimum, vectors=vectors)
    searched = margin_costs.margin_sizes(minimum, vectors=vectors)
    report, kept = analysed(tmp_path, parameters)
    assert report.failures == []
    assert report.spectrum
    assert report.boundary
    assert report.margins
    assert len(report.spectrum.eigenvalues) == vectors
    sample = report.spectrum.sample
    assert (sample.examples if sample else n) == for_spectrum(minimum, parameters).n
    assert len(kept.arrays["slice_x"]) == drawn.resolution
    assert (report.boundary.walked or n) == drawn.walked
    assert any(each.eigenvalues for each in report.boundary.subsets) == drawn.hessians
    assert ("embedding_tsne" in kept.arrays) == drawn.embedded
    assert (report.margins.l2.searched or n) == searched.searched
    assert len(report.margins.eigenvector) == searched.vectors
    assert limited == (drawn.walked == 35)
