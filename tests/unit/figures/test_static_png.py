"""A figure as PNG: what the figure holds is where the axes put it, with or without a Greek font."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image, ImageFont

from minimascope.figures.static import svg
from minimascope.figures.static_png import SHOWN, png

RED, BLUE = (255, 0, 0), (0, 0, 255)
SCALE = [[0.0, "rgb(0,0,255)"], [1.0, "#ff0000"]]


def pixels(figure: go.Figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png(figure))))


def spread(figure: go.Figure) -> go.Figure:
    return figure.update_layout(margin={"l": 60, "r": 20, "t": 20, "b": 60}, height=400)


@pytest.mark.parametrize("direction", ["up", "reversed"])
def test_a_field_lies_where_its_axes_say(direction: str) -> None:
    """z grows along y: red is where y is large, which is above unless the axis is reversed."""
    z = np.tile(np.linspace(0, 1, 40)[:, None], (1, 40))
    figure = spread(go.Figure(go.Heatmap(z=z, x0=0, dx=1, y0=0, dy=1, colorscale=SCALE)))
    if direction == "reversed":
        figure.update_yaxes(autorange="reversed")
    found = pixels(figure)
    middle = found[:, found.shape[1] // 2].astype(int)
    inside = np.flatnonzero(middle[:, 1] < 60)
    top, bottom = middle[inside[2]], middle[inside[-3]]
    red, blue = (top, bottom) if direction == "up" else (bottom, top)
    assert red[0] > 230 > 30 > red[2]
    assert blue[2] > 230 > 30 > blue[0]


def test_a_field_without_a_value_is_white() -> None:
    z = np.full((60, 60), 0.5)
    z[:, 30:] = np.nan
    trace: Any = go.Heatmap(z=z, x0=0, dx=1, y0=0, dy=1, zmin=0, zmax=1, colorscale=SCALE)
    found = pixels(spread(go.Figure(trace)))
    row = found[found.shape[0] // 2]
    assert tuple(row[int(0.8 * len(row))]) == (255, 255, 255)
    assert abs(int(row[int(0.3 * len(row))][0]) - 127) < 6


def test_points_and_dashes_have_their_colours() -> None:
    dot = go.Scatter(x=[1, 3], y=[1, 3], mode="markers", marker={"color": "red", "size": 14})
    line: dict[str, Any] = {"color": "blue", "dash": "dash", "width": 3}
    dashed = go.Scatter(x=[1, 3], y=[2, 2], mode="lines", line=line, showlegend=False)
    figure = spread(go.Figure([dot, dashed]))
    figure.update_xaxes(range=[0, 4]).update_yaxes(range=[0, 4])
    found = pixels(figure)
    left, right, top, bottom = 60, 700, 20, 340  # of the axes, in units of the SVG
    x, y = SHOWN * (left + (right - left) // 4), SHOWN * (bottom - (bottom - top) // 4)
    assert tuple(found[y, x]) == RED
    row = found[SHOWN * (top + bottom) // 2, SHOWN * 230 : SHOWN * 530]
    blue = (row == BLUE).all(axis=1)
    assert 0.4 < blue.mean() < 0.75  # 6 drawn, 4 left out


def test_without_a_font_of_the_system_greek_is_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2])).update_xaxes(title="λ₁")
    with_greek = png(figure)

    found = ImageFont.truetype

    def missing(font: Any, *rest: Any, **more: Any) -> Any:
        if isinstance(font, str):
            raise OSError
        return found(font, *rest, **more)

    monkeypatch.setattr(ImageFont, "truetype", missing)
    without = png(figure)
    assert without != with_greek
    assert Image.open(io.BytesIO(without)).size == Image.open(io.BytesIO(with_greek)).size


def test_a_notebook_s_svg_stays_without_fields() -> None:
    figure = go.Figure(go.Heatmap(z=np.eye(3), colorscale=SCALE))
    assert "<image" not in svg(figure)
    assert "<image" in svg(figure, fields=True)


def test_a_long_legend_takes_rows_above_the_picture() -> None:
    traces = [go.Scatter(x=[0, 1], y=[0, 1], mode="markers", name=f"class {k}") for k in range(12)]
    drawn = svg(go.Figure(traces), width=520)
    for k in range(12):
        assert f">class {k}</text>" in drawn
    last = max(float(y) for y in re.findall(r'y="([\d.]+)" fill="#5b616b">class', drawn))
    highest = min(float(y) for y in re.findall(r'cy="([\d.]+)" r="2.5"', drawn))
    assert 14 < last < highest
