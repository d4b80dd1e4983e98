"""The result in hand: printed, shown without scripts, drawn, tabulated, saved, compared."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas
import plotly.graph_objects as go
import pytest

import minimascope
from minimascope import ProblemError
from minimascope.contract.glossary import TERMS
from minimascope.contract.report import Failure
from minimascope.contract.report.sentences import nats
from minimascope.figures.coloured import coloured
from minimascope.results.result import Result
from tests.cases.reference_report import Found
from tests.cases.script import trained


@pytest.fixture(scope="module")
def result() -> Result:
    script = trained()
    return minimascope.analyze(
        script.model,
        script.loader,
        script.criterion,
        script.optimizer,
        test=script.test,
        steps=60,
        top_k=3,
    )


def test_it_prints_as_a_short_card(result: Result) -> None:
    lines = str(result).splitlines()
    assert lines[0].startswith("Expect test loss")
    assert max(map(len, lines)) <= 88
    assert len(lines) < 45
    assert repr(result) == str(result)
    assert "weight decay     0.02 on all" in lines


def test_a_notebook_shows_it_without_a_script(result: Result) -> None:
    bundle = result._repr_mimebundle_()
    html = bundle["text/html"]
    assert html == result._repr_html_()
    assert bundle["text/plain"] == str(result)
    assert "<script" not in html
    assert not re.search(r"(src|href)=", html)
    for picture in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        root = ElementTree.fromstring(picture)  # our own
        assert root.get("role") == "img"
        assert root.get("aria-label")
    assert html.count("<svg") == 5  # range bar, spectrum, gap, boundary, margins
    assert "Expect test loss" in html


def test_a_picture_has_the_figure_s_numbers(result: Result) -> None:
    """Stems of the spectrum stand where the symlog axis puts their eigenvalues."""
    html = result._repr_html_()
    spectrum = html[html.index("<h3>Spectrum") :]
    drawn = [
        float(x) for x in re.findall(r'<circle cx="([\d.]+)"', spectrum[: spectrum.index("</svg>")])
    ]
    figure = result.plot.spectrum()
    stems = next(t for t in figure.data if t.meta["role"] == "eigenvalues")
    places = np.asarray(stems.x)
    assert len(drawn) == len(places)
    scaled = (np.array(drawn) - drawn[0]) / (drawn[-1] - drawn[0])
    expected = (places - places[0]) / (places[-1] - places[0])
    np.testing.assert_allclose(scaled, expected, atol=2e-3)


def test_figures_are_plotlys_and_coloured(result: Result) -> None:
    for name in result.plot.names():
        figure = result.plot(name)
        assert isinstance(figure, go.Figure)
        for trace in figure.data:
            assert trace.meta["role"]
    assert result.plot.gap().layout.paper_bgcolor == "#ffffff"
    second = result.plot.boundary(v=2)
    assert "v<sub>2</sub>" in str(second.data[0].colorbar.title.text)
    with pytest.raises(ProblemError, match="no eigenvector 4: 3 were computed"):
        result.plot.boundary(v=4)


def test_a_figure_of_a_stage_left_out_gets_one_sentence(result: Result) -> None:
    without = Result(result.report.model_copy(update={"gap": None}), result.arrays)
    with pytest.raises(ProblemError, match="nothing to draw as 'gap'"):
        without.plot.gap()
    assert "Expect" not in str(without)
    assert "<svg" in without._repr_html_()


def test_tables_have_the_arrays_numbers(result: Result) -> None:
    found = result.examples()
    assert isinstance(found, pandas.DataFrame)
    cost = result.arrays["alo_loss"] - result.arrays["train_loss"]
    assert found.index[0] == int(cost.argmax())
    np.testing.assert_allclose(found["cost"], np.sort(cost)[::-1], rtol=1e-6)
    np.testing.assert_array_equal(found["margin"].sort_index(), result.arrays["margins"])
    layers = result.layers()
    assert list(layers.index) == ["0", "2"]
    np.testing.assert_allclose(layers[["mass_1", "mass_2", "mass_3"]].sum(), 1.0)
    assert list(layers["parameters"]) == [18, 21]
    row = result.frame().iloc[0]
    assert row["lambda_max"] == result.spectrum.eigenvalues[0]
    assert row["gap_measured"] == result.gap.measured.value


def test_a_saved_result_comes_back(result: Result, tmp_path: Path) -> None:
    again = minimascope.load(result.save(tmp_path / "report.npz"))
    assert again.report.model_dump_json() == result.report.model_dump_json()
    assert set(again.arrays) == set(result.arrays)
    for name, value in result.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], value)
    assert str(again) == str(result)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + 18 * b"\0"])
def test_what_is_no_saved_result_gets_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(ProblemError) as refused:
        minimascope.load(path)
    assert refused.value.code == "not_a_report"
    with pytest.raises(ProblemError, match="no file"):
        minimascope.load(tmp_path / "none.npz")


def test_a_number_that_is_disowned_is_called_so(gauss: Found) -> None:
    assert gauss[0].gap is not None
    silent = gauss[0].gap.model_copy(update={"headline": None, "verdict": "no_estimate"})
    report = gauss[0].model_copy(update={"gap": silent})
    assert f"Leave-one-out gave {nats(silent.disowned or 0)} nats, which is not used." in str(
        Result(report)
    )
    assert "which is not used" not in str(Result(gauss[0]))


def test_a_page_needs_nothing_beside_it(result: Result, tmp_path: Path) -> None:
    page = result.html(tmp_path / "report.html").read_text()
    assert all(each.sentence in unescape(page) for each in TERMS.values())
    assert page.startswith("<!doctype html>")
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="?http', page)
    assert page.count('class="plotly-graph-div"') == len(result.plot.names())
    assert "<noscript>" in page
    with pytest.raises(ProblemError, match="Cannot write"):
        result.html(tmp_path / "nowhere" / "report.html")


def test_results_are_compared(result: Result) -> None:
    both = minimascope.compare([result, result], names=["one", "two"])
    assert "one" in str(both)
    assert list(both.frame().index) == ["one", "two"]
    with pytest.raises(ProblemError, match="list of results"):
        minimascope.compare([])


def test_a_figure_is_coloured_as_the_browser_colours_it(gauss: Found) -> None:
    """Every token is filled in, wherever its path leads."""
    from minimascope.figures.of_report import figures_of
    from minimascope.figures.theme import DARK

    for make in figures_of(*gauss).values():
        document: Any = coloured(make(), "dark").to_plotly_json()
        for trace in document["data"]:
            for path, token in (trace["meta"].get("tokens") or {}).items():
                value: Any = trace
                for key in path.split("."):
                    value = value[int(key)] if isinstance(value, (list, tuple)) else value[key]
                assert token == "diverging" or value == DARK[token], (path, token)


def test_pandas_and_plotly_are_asked_for_in_one_sentence(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("pandas", "plotly"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ProblemError, match="needs pandas, which is not installed"):
        result.frame()
    with pytest.raises(ProblemError, match="needs plotly, which is not installed"):
        result.plot.spectrum()
    assert "Expect test loss" in result._repr_html_()


def test_the_face_stays_lazy() -> None:
    """The import loads no torch, no pandas, no plotly."""
    heavy = ("torch", "pandas", "plotly", "pydantic")
    code = f"import sys, minimascope; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stages_that_fail_for_one_reason_are_said_once(gauss: Found) -> None:
    told = {"code": "not_computable", "sentence": "Regression has no boundary.", "advice": ""}
    found = [Failure(stage=stage, **told) for stage in ("boundary", "margins")]
    report = gauss[0].model_copy(update={"failures": found})
    text = str(Result(report, {}))
    assert "! boundary, margins: Regression has no boundary." in text
    assert text.count("Regression has no boundary.") == 1
