"""Figures are pure functions of a result: what is drawn is the data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.drawing.payload import drawing, tiles
from minimascope.contract.report import Bracket, Estimate, LayerBlock, SpectrumSample
from minimascope.figures import log_ticks
from minimascope.figures.boundary_map import DRAWN_MARGINS, boundary_map, embedding, tsne_map
from minimascope.figures.compare_scatter import Measured, compare_scatter
from minimascope.figures.filmstrip import domains, filmstrip
from minimascope.figures.g_curve import g_figure
from minimascope.figures.gap_curves import gap_figure
from minimascope.figures.layer_blocks import blocks_figure
from minimascope.figures.layer_mass import layer_figure, layer_kinds, layer_label
from minimascope.figures.margins import Drawn, bracket_traces, margins_figure
from minimascope.figures.overlaps import overlaps_figure
from minimascope.figures.parallel import wrapped
from minimascope.figures.plane import SCALE, quantized
from minimascope.figures.point_losses import LEAST, losses_figure
from minimascope.figures.reliability import reliability_figure
from minimascope.figures.spectrum import spectrum_figure
from minimascope.figures.symlog import symlog, ticks
from minimascope.figures.theme import DARK, DIVERGING, LIGHT
from minimascope.figures.walk import walk_figure
from tests.cases.reference_report import Found


def trace(figure: go.Figure, name: str) -> Any:
    return next(t for t in figure.data if t.name == name)


def test_quantized_alignment_is_within_half_a_step() -> None:
    values = np.linspace(-1, 1, 1001)
    # int8 steps are 1/127; rounding is off by at most half of one
    assert np.abs(quantized(values) / SCALE - values).max() <= 0.5 / SCALE + 1e-12


def test_reference_alignment_is_the_papers_up_to_sign(gauss: Found) -> None:
    from tests.cases.reference_network import REFERENCE

    theirs = np.load(REFERENCE / "gauss-normal" / "overlaps.npy")[:5]
    # the stored eigenvectors are float32: 2^-24 relative, times a few hundred additions
    assert np.abs(np.abs(gauss[1]["alignment"]) - np.abs(theirs)).max() < 1e-6


def test_boundary_map_draws_the_chosen_vector_on_a_fixed_scale(gauss: Found) -> None:
    arrays = gauss[1]
    heat = boundary_map(arrays, k=2).data[0]
    assert (np.asarray(heat.z) == quantized(arrays["slice_alignment"][2])).all()
    assert (heat.zmin, heat.zmax) == (-SCALE, SCALE)
    assert heat.meta["tokens"] == {"colorscale": "diverging"}


def test_boundary_map_lines_are_the_smallest_margins(gauss: Found) -> None:
    arrays = gauss[1]
    red = trace(boundary_map(arrays), f"{DRAWN_MARGINS} crossings")
    starts = np.column_stack([red.x[0::3], red.y[0::3]])
    ends = np.column_stack([red.x[1::3], red.y[1::3]])
    lengths = np.linalg.norm(starts - ends, axis=1)
    # float32 coordinates of order 3: 2e-7 each
    assert np.allclose(lengths, np.sort(arrays["margins"])[:DRAWN_MARGINS], atol=2e-6)


def test_every_point_is_drawn_once_with_its_class_shape(gauss: Found) -> None:
    arrays = gauss[1]
    points = [t for t in boundary_map(arrays).data if (t.name or "").startswith("class ")]
    assert sum(len(t.x) for t in points) == len(arrays["labels"])
    assert len({t.marker.symbol for t in points}) == len({t.marker.color for t in points}) == 3


def test_filmstrip_has_the_boundary_and_one_tile_a_vector(gauss: Found) -> None:
    report, arrays = gauss
    assert report.spectrum is not None
    figure = filmstrip(arrays, report.spectrum.eigenvalues)
    heats = [t for t in figure.data if (t.name or "").startswith("alignment")]
    assert len(heats) == 5
    assert {(t.zmin, t.zmax) for t in heats} == {(-SCALE, SCALE)}
    assert [a.text.split(" = ")[-1] for a in figure.layout.annotations][1] == "0.113"


def test_tiles_are_the_asked_vectors_that_are_known(gauss: Found, iris: Found) -> None:
    figure = json.loads(tiles(*gauss, [2, 4, 9])["figure"])
    names = [t["name"] for t in figure["data"] if t["name"].startswith("alignment")]
    assert names == ["alignment with v2", "alignment with v4"]
    assert tiles(*iris, [1])["figure"] is None


def test_filmstrip_tiles_never_overlap() -> None:
    boxes = domains(11, 6, 420)
    for i, (x, y) in enumerate(boxes):
        for a, b in boxes[i + 1 :]:
            assert x[1] <= a[0] + 1e-12 or a[1] <= x[0] + 1e-12 or y[0] >= b[1] or b[0] >= y[1]


def test_embedding_colours_points_by_alignment(iris: Found) -> None:
    arrays = iris[1]
    figure = embedding(arrays, k=1)
    drawn = np.concatenate([t.marker.color for t in figure.data])
    rows = np.concatenate([np.asarray(t.customdata)[:, 0] for t in figure.data]).astype(int)
    assert np.allclose(drawn, arrays["alignment"][1][rows], atol=1e-6)


@pytest.mark.parametrize("stretch", [(12, 1), (1, 12), (1, 1)])
def test_the_units_of_a_tsne_map_are_equal_and_no_map_is_a_strip(
    stretch: tuple[float, float],
) -> None:
    points = np.random.default_rng(0).standard_normal((30, 2)) * stretch
    figure = tsne_map({"embedding_tsne": points, "labels": np.arange(30) % 3})
    assert figure.layout.yaxis.scaleanchor == "x"
    (left, right), (low, high) = figure.layout.xaxis.range, figure.layout.yaxis.range
    assert 0.59 < (high - low) / (right - left) < 1.13
    inside = (points > [left, low]) & (points < [right, high])
    assert inside.all()


def test_spectrum_stems_stand_at_the_eigenvalues(gauss: Found) -> None:
    spectrum = gauss[0].spectrum
    assert spectrum is not None
    marks = trace(spectrum_figure(spectrum), "eigenvalues")
    assert np.allclose(np.asarray(marks.customdata)[:, 1], spectrum.eigenvalues)
    assert np.allclose(np.asarray(marks.customdata)[:, 2], spectrum.residuals)
    assert trace(spectrum_figure(spectrum), "not converged").line.dash == "dot"


def test_diamonds_say_where_the_pairs_of_a_sample_are_on_all_examples(gauss: Found) -> None:
    spectrum = gauss[0].spectrum
    assert spectrum is not None
    assert "on all examples" not in [t.name for t in spectrum_figure(spectrum).data]
    values = [0.8 * value for value in spectrum.eigenvalues]
    on_all = [Estimate(value=value, standard_error=0.1 * abs(value)) for value in values]
    sample = SpectrumSample(examples=50, total=300, held_out=50, on_all=on_all)
    figure = spectrum_figure(spectrum.model_copy(update={"sample": sample}))
    marks, linear = trace(figure, "on all examples"), figure.layout.meta["linear"]
    assert np.allclose(marks.x, symlog(np.array(values), linear=linear))
    ends = np.asarray(marks.x) + np.asarray(marks.error_x.array)
    assert np.allclose(ends, symlog(1.1 * np.array(values), linear=linear))


def test_spectrum_is_drawn_without_a_density(gauss: Found) -> None:
    spectrum = gauss[0].spectrum
    assert spectrum is not None
    figure = spectrum_figure(spectrum.model_copy(update={"density": None}))
    assert figure.layout.yaxis2.domain == (0, 1)


def test_symlog_is_increasing_and_odd() -> None:
    x = np.linspace(-5, 5, 201)
    y = symlog(x, linear=1e-3)
    assert (np.diff(y) > 0).all()
    assert np.allclose(y, -y[::-1])
    assert "0" in ticks(x, linear=1e-3)[1]


def test_gap_curves_divide_soft_rank_by_n(gauss: Found) -> None:
    gap = gauss[0].gap
    assert gap is not None
    figure = gap_figure(gap, n=150)
    drawn = np.asarray(trace(figure, "soft rank / n").y)
    assert np.allclose(drawn * 150, np.array(gap.curves.soft_rank_ggn, dtype=float))
    assert figure.layout.xaxis.type == "log"
    assert len(figure.layout.xaxis.tickvals) == len(figure.layout.xaxis.ticktext) >= 2


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.03, 0.4, ["0.05", "0.1", "0.2"]),
        (0.04, 0.09, ["0.04", "0.05", "0.06", "0.07", "0.08", "0.09"]),
        (1e-4, 1.0, ["10<sup>−4</sup>", "10<sup>−3</sup>", "0.01", "0.1", "1"]),
        (2e-4, 9e-4, [f"{d}·10<sup>−4</sup>" for d in range(2, 10)]),
    ],
)
def test_log_ticks_are_readable_however_short_the_axis(
    low: float, high: float, labels: list[str]
) -> None:
    inside = [v for v in log_ticks.ticks(low, high) if low <= v <= high * (1 + 1e-12)]
    assert [log_ticks.label(v) for v in inside] == labels


def test_gap_curves_show_the_measured_gap_with_its_error(gauss: Found) -> None:
    gap = gauss[0].gap
    assert gap is not None
    assert gap.measured is not None
    assert gap.measured.value is not None
    band = trace(gap_figure(gap, n=150), "measured ± s.e.")
    assert max(band.y) == pytest.approx(gap.measured.value + (gap.measured.standard_error or 0))


def test_gap_curve_without_headline_has_no_marker(gauss: Found) -> None:
    gap = gauss[0].gap
    assert gap is not None
    figure = gap_figure(gap.model_copy(update={"headline": None}), n=150)
    assert "estimate" not in {t.name for t in figure.data}


def test_overlap_means_are_class_means(gauss: Found) -> None:
    arrays = gauss[1]
    count = int((arrays["labels"] == 0).sum())
    mean = trace(overlaps_figure(arrays), f"class 0, mean of {count}")
    assert np.allclose(mean.y, arrays["alignment"][:, arrays["labels"] == 0].mean(1))


def test_the_margin_band_holds_every_right_point_that_was_reached(gauss: Found) -> None:
    report, arrays = gauss
    assert report.margins is not None
    curves = [t for t in margins_figure(report.margins, arrays).data if "right points" in t.name]
    right = arrays["predictions"] == arrays["labels"]
    reached = np.isfinite(arrays["margins"]) & right
    assert len(curves) == 1  # the reference has no lower bounds
    assert np.allclose(curves[0].x, np.sort(arrays["margins"][reached]))
    bounded = {**arrays, "margins_lower": 0.9 * arrays["margins"]}
    drawn = margins_figure(report.margins, bounded).data
    low, high = (t for t in drawn if "right points" in t.name)
    assert (np.asarray(low.x) <= np.asarray(high.x)).all()
    assert any(t.name == "between both" for t in drawn)


@pytest.mark.parametrize(
    ("lower", "pieces", "said"),
    [
        (0.999, 0, "at least 0.999, at most 1"),
        (0.5, 1, "at least 0.5, at most 1"),
        (0.01, 6, "at most 1; no useful lower bound (0.01 certified)"),
        (None, 6, "at most 1; not bounded below"),
    ],
)
def test_a_bracket_is_a_dot_a_bar_or_a_bar_that_fades(
    lower: float | None, pieces: int, said: str
) -> None:
    traces = bracket_traces(Drawn("class 3", Bracket(lower=lower, upper=1.0)), 0)
    bars = [t for t in traces if t.mode == "lines"]
    assert len(bars) == pieces
    assert {t.name for t in traces} == {f"class 3: {said}"}
    if pieces > 1:  # fainter towards the lower end
        assert [t.opacity for t in bars] == sorted(t.opacity for t in bars)
    if pieces == 1:
        assert list(bars[0].x) == [0.5, 1.0]


def test_reliability_leaves_empty_bins_out(gauss: Found) -> None:
    arrays = gauss[1]
    drawn = trace(reliability_figure(arrays), "training")
    assert len(drawn.x) == int((arrays["calibration"][:, 0] > 0).sum())


def test_layer_mass_of_a_unit_vector_sums_to_one(gauss: Found) -> None:
    spectrum = gauss[0].spectrum
    assert spectrum is not None
    mass = np.asarray(layer_figure(spectrum, []).data[0].z)
    # eigenvectors are stored in float32
    assert np.allclose(mass.sum(axis=0), 1.0, atol=1e-5)


def test_numbered_layers_say_what_they_are(gauss: Found) -> None:
    report, none = gauss[0].model_copy(deep=True), Estimate(value=None)
    layers = [["Conv2d", 1, 4, {"kernel_size": 3}], ["Tanh"], ["Flatten"], ["Linear", 24, 10]]
    report.checkpoint.architecture = {"family": "sequential", "layers": layers}
    assert layer_kinds(report) == {"0": "Conv2d 1→4", "3": "Linear 24→10"}
    assert report.spectrum is not None
    report.spectrum.layer_blocks = [
        LayerBlock(layer=name, parameters=p, eigenvalues=[], residuals=[], trace=none)
        for name, p in (("0", 3 * 32), ("2", 33 * 3))
    ]
    report.checkpoint.architecture = {"family": "mlp", "activation": "tanh"}
    kinds = layer_kinds(report)
    assert kinds == {"0": "Linear 2→32", "2": "Linear 32→3"}
    assert layer_label("0", kinds) == "0 · Linear 2→32"
    assert (layer_label("1", kinds), layer_label("norm", kinds)) == ("layer 1", "norm")
    report.spectrum.layer_blocks[1].parameters += 1  # no bias: what is not sure is not said
    assert layer_kinds(report) == {}


def test_layer_blocks_show_every_positive_pair_and_ring_what_has_not_converged() -> None:
    blocks = [
        LayerBlock(
            layer=name,
            parameters=10,
            eigenvalues=[3.0, 0.5, -0.1],
            residuals=[1e-9, 0.2, 1e-9],
            trace=Estimate(value=4.0, standard_error=0.3),
        )
        for name in ("fc1", "fc2")
    ]
    figure = blocks_figure(blocks)
    pairs, traces = trace(figure, "eigenvalues"), trace(figure, "trace ± s.e.")
    assert list(pairs.x) == [3.0, 0.5] * 2
    assert list(pairs.marker.symbol) == ["circle", "circle-open"] * 2
    assert list(traces.error_x.array) == [0.3, 0.3]
    assert list(figure.layout.yaxis.categoryarray) == ["fc2", "fc1"]
    # "0" and "2" are names of layers and no positions on an axis of numbers
    numbered = blocks_figure([block.model_copy(update={"layer": "2"}) for block in blocks[:1]])
    assert numbered.layout.yaxis.type == "category"
    assert set(numbered.data[0].y) == {"layer 2"}


def test_point_losses_are_the_arrays_floored(gauss: Found) -> None:
    arrays = gauss[1]
    drawn = [t for t in losses_figure(arrays).data if t.name.startswith("class ")]
    rows = np.concatenate([np.asarray(t.customdata)[:, 0] for t in drawn]).astype(int)
    assert sorted(rows) == list(range(len(arrays["labels"])))
    y = np.concatenate([t.y for t in drawn])
    assert np.array_equal(y, np.maximum(arrays["alo_loss"][rows].astype(float), LEAST))


def test_words_of_an_axis_keep_their_order_in_short_lines() -> None:
    assert wrapped("Largest eigenvalue λ₁") == ["Largest", "eigenvalue", "λ₁"]
    assert wrapped("G(ε)") == ["G(ε)"]


def test_g_curve_falls(gauss: Found) -> None:
    boundary = gauss[0].boundary
    assert boundary is not None
    assert (np.diff(trace(g_figure(boundary), "G(ε)").y) <= 0).all()


def test_walk_draws_one_line_a_vector() -> None:
    arrays = {"walk_epsilon": np.tile(np.linspace(-1, 1, 5), (2, 1)), "walk_loss": np.ones((2, 5))}
    assert trace(walk_figure(arrays), "v<sub>2</sub>").error_y.array is None
    sampled = walk_figure({**arrays, "walk_loss_error": np.full((2, 5), 0.1)})
    assert list(trace(sampled, "v<sub>2</sub>").error_y.array) == [0.1] * 5
    assert len(walk_figure(arrays).data) == 2


def test_compare_scatter_names_every_minimum() -> None:
    points = [Measured("a", 1, 2, None, (0.1, 0.2)), Measured("b", 2, 3, position=1)]
    figure = compare_scatter(points, x_title="x", y_title="y")
    assert [t.name for t in figure.data] == ["a", "b"]
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_no_alignment_is_the_colour_of_the_page(name: str, palette: dict[str, str]) -> None:
    assert DIVERGING[name][3] == palette["page"]


def test_every_themed_path_names_a_colour_of_both_palettes(gauss: Found) -> None:
    for text in drawing(*gauss)["figures"].values():
        figure = json.loads(text)
        for trace_ in figure["data"]:
            for token in ((trace_.get("meta") or {}).get("tokens") or {}).values():
                assert token == "diverging" or (token in LIGHT and token in DARK)


def test_drawing_leaves_out_what_is_not_there_yet(gauss: Found) -> None:
    report = gauss[0].model_copy(update={"gap": None, "boundary": None, "margins": None})
    drawn = drawing(report, {})
    assert set(drawn["figures"]) == {"spectrum", "layers"}
    assert drawn["curves"] is None


def test_the_headline_stands_with_its_ninety_percent_interval(gauss: Found) -> None:
    gap = gauss[0].gap
    assert gap is not None
    assert gap.headline is not None
    mark = trace(gap_figure(gap, n=150), "estimate")
    low, high = gap.headline.ninety
    assert mark.y[0] + mark.error_y.array[0] == pytest.approx(high)
    assert mark.y[0] - mark.error_y.arrayminus[0] == pytest.approx(low)
