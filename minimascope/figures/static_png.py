"""A figure as PNG, for whoever takes pictures and no SVG: agents, chats, slides.

The elements that `static` writes are drawn by Pillow, four times as large and then halved, so that
lines are smooth. Greek letters need a font of the system (DejaVu Sans); without one they are spelt.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree  # what is parsed was written by `static`

import plotly.graph_objects as go

from minimascope.figures.static import svg

SCALE, SHOWN = 4, 2  # pixels drawn and pixels kept for each unit of the SVG
FONT = 11.0
CELLS = 1000  # a field of fewer is a table
SPELT = {
    "λ": "lambda", "θ": "theta", "α": "alpha", "ε": "eps", "σ": "sigma", "η": "eta", "τ": "tau",
    "₁": "1", "₂": "2", "₃": "3", "ₖ": "k", "ℓ": "l", "−": "-", "‖": "||", "≤": "<=", "→": "->",
    "∞": "inf", "×": "x", "√": "sqrt", **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)),
}  # fmt: skip


def png(figure: go.Figure, *, width: int = 720, label: str = "") -> bytes:
    """The figure in the light palette, twice as many pixels wide as `width` says.

    Raises ImportError without Pillow.
    """
    from PIL import Image, ImageDraw

    root = ElementTree.fromstring(svg(figure, width=width, label=label, fields=True))  # noqa: S314
    across, up = int(root.get("width", "0")), int(root.get("height", "0"))
    canvas = Image.new("RGB", (across * SCALE, up * SCALE), "white")
    for element in root:
        _draw(canvas, ImageDraw.Draw(canvas, "RGBA"), element)
    written = io.BytesIO()
    canvas.resize((across * SHOWN, up * SHOWN), Image.Resampling.LANCZOS).save(written, "PNG")
    return written.getvalue()


def _draw(canvas: Any, pen: Any, element: ElementTree.Element) -> None:
    kind = element.tag.rpartition("}")[2]
    if kind == "text":
        _text(canvas, pen, element)
    elif kind == "image":
        _image(canvas, element)
    elif kind == "circle":
        x, y, r = _numbers(element, "cx", "cy", "r")
        pen.ellipse((x - r, y - r, x + r, y + r), fill=_colour(element, "fill"))
    elif kind == "rect":
        x, y, w, h = _numbers(element, "x", "y", "width", "height")
        pen.rectangle((x, y, x + w, y + h), fill=_colour(element, "fill"))
    else:
        _line(pen, element, kind)


def _numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [SCALE * float(element.get(name, "0")) for name in names]


def _points(element: ElementTree.Element, kind: str) -> list[tuple[float, float]]:
    if kind == "line":
        x1, y1, x2, y2 = _numbers(element, "x1", "y1", "x2", "y2")
        return [(x1, y1), (x2, y2)]
    pairs = (pair.split(",") for pair in element.get("points", "").split())
    return [(SCALE * float(x), SCALE * float(y)) for x, y in pairs]


def _line(pen: Any, element: ElementTree.Element, kind: str) -> None:
    points, stroke = _points(element, kind), _colour(element, "stroke")
    fill = _colour(element, "fill")
    if kind == "polygon" and fill and len(points) > 2:
        pen.polygon(points, fill=fill)
    wide = round(SCALE * float(element.get("stroke-width", "1")))
    dashes = [SCALE * float(each) for each in element.get("stroke-dasharray", "").split()]
    for piece in _dashed(points, dashes) if dashes else [points]:
        if stroke and wide and len(piece) > 1:
            pen.line(piece, fill=stroke, width=wide, joint="curve")


def _dashed(
    points: list[tuple[float, float]], dashes: list[float]
) -> Iterator[list[tuple[float, float]]]:
    """The pieces of a line that are drawn: dashes and gaps take turns along its length."""
    turn, left = 0, dashes[0]
    piece = points[:1]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        length, gone = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 0.0
        while length - gone > left:
            gone += left
            place = (x1 + gone / length * (x2 - x1), y1 + gone / length * (y2 - y1))
            if turn % 2 == 0:
                yield [*piece, place]
            turn, piece = turn + 1, [place]
            left = dashes[turn % len(dashes)]
        left -= length - gone
        piece.append((x2, y2))
    if turn % 2 == 0:
        yield piece


def _image(canvas: Any, element: ElementTree.Element) -> None:
    from PIL import Image

    data = element.get("href", "").partition("base64,")[2]
    field = Image.open(io.BytesIO(base64.b64decode(data)), formats=["PNG"]).convert("RGB")
    x, y, w, h = (round(each) for each in _numbers(element, "x", "y", "width", "height"))
    if w > 0 and h > 0:
        few = field.width * field.height < CELLS
        smooth = Image.Resampling.NEAREST if few else Image.Resampling.BILINEAR
        opaque = Image.new("L", (w, h), round(255 * float(element.get("opacity", 1))))
        canvas.paste(field.resize((w, h), smooth), (x, y), opaque)


def _text(canvas: Any, pen: Any, element: ElementTree.Element) -> None:
    from PIL import Image, ImageDraw

    font, words = _font(), element.text or ""
    words = words if _has_greek(font) else "".join(SPELT.get(each, each) for each in words)
    wide, fill = pen.textlength(words, font=font), _colour(element, "fill")
    turned = re.match(r"translate\(([\d.]+) ([\d.]+)\)", element.get("transform", ""))
    if turned:
        strip = Image.new("RGBA", (int(wide) + 2, int(FONT * SCALE * 1.6)), (255, 255, 255, 0))
        ImageDraw.Draw(strip).text((0, 0), words, font=font, fill=fill)
        strip = strip.rotate(90, expand=True)
        x, y = (SCALE * float(each) for each in turned.groups())
        canvas.paste(strip, (int(x - FONT * SCALE), int(y - wide / 2)), strip)
        return
    share = {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", ""), 0.0)
    [x, y] = _numbers(element, "x", "y")
    pen.text((x - share * wide, y), words, font=font, fill=fill, anchor="ls")


def _font() -> Any:
    from PIL import ImageFont

    try:
        return ImageFont.truetype("DejaVuSans.ttf", FONT * SCALE)
    except OSError:
        return ImageFont.load_default(FONT * SCALE)


def _has_greek(font: Any) -> bool:
    """Pillow's own font has Latin letters alone."""
    return font.getname()[0] == "DejaVu Sans"


def _colour(element: ElementTree.Element, name: str) -> Any:
    """What Pillow takes for a colour; None for none."""
    value = element.get(name, "")
    if value in ("", "none"):
        return None
    if found := re.match(r"rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)", value):
        red, green, blue, share = found.groups()
        return (int(red), int(green), int(blue), round(255 * float(share)))
    return value
