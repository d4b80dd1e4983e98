"""Every trace says what it is: the page finds traces by role, never by their words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.drawing.payload import drawing, tiles
from minimascope.contract.report import Estimate, LayerBlock
from minimascope.figures.boundary_map import boundary_map, embedding
from minimascope.figures.coherence import coherence_figure
from minimascope.figures.compare_scatter import Measured, compare_scatter
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.interpolation import interpolation_figure
from minimascope.figures.layer_blocks import blocks_figure
from minimascope.figures.parallel import parallel_figure
from minimascope.figures.roles import Role
from minimascope.figures.walk import walk_figure
from tests.cases.curves import CURVE
from tests.cases.reference_report import Found

KNOWN = {role.value for role in Role}


def roles(traces: Any) -> set[str]:
    """Roles of a figure's traces; KeyError or TypeError where one has none."""
    return {trace["meta"]["role"] for trace in traces}


def test_every_trace_of_an_analysis_has_a_role(gauss: Found, iris: Found) -> None:
    for found in (gauss, iris):
        for name, text in drawing(*found)["figures"].items():
            assert roles(json.loads(text)["data"]) <= KNOWN, name
    assert roles(json.loads(tiles(*gauss, [1, 2])["figure"])["data"]) <= KNOWN


def test_a_map_has_its_field_its_boundary_and_its_points(gauss: Found) -> None:
    found = roles(boundary_map(gauss[1]).data)
    assert {Role.ALIGNMENT, Role.REGIONS, Role.BOUNDARY, Role.POINTS, Role.MARGINS} <= found


def test_a_field_says_whose_alignment_it_is(gauss: Found) -> None:
    assert gauss[0].spectrum is not None
    strip = filmstrip(gauss[1], gauss[0].spectrum.eigenvalues, vectors=[2, 4])
    fields = [t for t in strip.data if t.meta["role"] == Role.ALIGNMENT]
    assert [t.meta["vector"] for t in fields] == [2, 4]


def test_points_of_an_embedding_know_the_colour_of_their_class(iris: Found) -> None:
    for trace in embedding(iris[1]).data:
        assert trace.meta["role"] == Role.POINTS
        assert trace.meta["class_colour"].startswith("#")


def walked() -> go.Figure:
    plane = np.linspace(-1, 1, 3)
    return walk_figure(
        {
            "walk_epsilon": np.tile(plane, (2, 1)),
            "walk_loss": np.ones((2, 3)),
            "walk_class": np.zeros((2, 3, 3, 3), dtype=int),
            "walk_x": plane,
            "walk_y": plane,
            "points": np.zeros((2, 2)),
            "labels": np.arange(2),
        }
    )


def test_a_walk_marks_what_the_slider_moves() -> None:
    figure = walked()
    assert {Role.WALK, Role.WALKED_REGIONS, Role.WALKED_BOUNDARY} <= roles(figure.data)
    curves = [t.meta["vector"] for t in figure.data if t.meta["role"] == Role.WALK]
    assert curves == [1, 2]


def test_figures_of_layers_pairs_and_compared_minima_have_roles() -> None:
    one = Estimate(value=1.0, standard_error=0.1)
    block = LayerBlock(layer="fc", parameters=3, eigenvalues=[1.0], residuals=[0.0], trace=one)
    cosines = {"coherence": np.eye(2), "coherence_order": np.arange(2), "predictions": np.arange(2)}
    figures = (
        blocks_figure([block]),
        coherence_figure(cosines),
        compare_scatter([Measured("a", 1, 2)], x_title="x", y_title="y"),
        parallel_figure(["a", "b"], {"gap": [1.0, 2.0]}),
        interpolation_figure(CURVE, ("A", "B")),
    )
    for figure in figures:
        assert roles(figure.data) <= KNOWN


@pytest.mark.parametrize("role", Role)
def test_a_role_is_written_in_plain_letters(role: Role) -> None:
    assert role.value.replace("_", "").isalpha()
