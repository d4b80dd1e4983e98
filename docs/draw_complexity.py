"""Draws docs/images/boundary_complexity.svg from benchmarks/results/complexity_study.json.

    python docs/draw_complexity.py

Left: eigenvalues above 0.1 against the length of the boundary, a marker a network. Right: each
measure's τ with that length, a tick for each loss and seed.
"""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "complexity_study.json"
PICTURE = HERE / "images" / "boundary_complexity.svg"
WIDTH, ROW, TOP = 1000, 24, 54
LEFT = (60, 400)  # ends of the left axis
RIGHT = (640, 970)
INK, MUTED, RULE, COLOURS = "#1a1c20", "#5b616b", "#d9dce1", {0.05: "#1d5fa8", 0.005: "#b3460b"}


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {where}>{escape(words)}</text>"


def line(x: float, y: float, to_x: float, to_y: float, colour: str = RULE, width: float = 1) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def scatter(networks: list[dict[str, Any]], height: float) -> list[str]:
    """Counts over lengths, both logarithmic; open where the loss was not reached."""
    bottom = height - 44
    spans = [(2.0, 24.0), (3.0, 300.0)]

    def place(value: float, span: tuple[float, float], ends: tuple[float, float]) -> float:
        share = math.log(value / span[0]) / math.log(span[1] / span[0])
        return ends[0] + share * (ends[1] - ends[0])

    parts = [line(LEFT[0], bottom, LEFT[1], bottom), line(LEFT[0], TOP, LEFT[0], bottom)]
    for value in (2, 5, 10, 20):
        x = place(value, spans[0], LEFT)
        parts.append(text(x, bottom + 18, str(value), anchor="middle", colour=MUTED))
    for value in (3, 10, 30, 100, 300):
        y = place(value, spans[1], (bottom, TOP))
        parts.append(text(LEFT[0] - 8, y + 4, str(value), anchor="end", colour=MUTED))
    middle = sum(LEFT) / 2
    parts.append(text(middle, height - 8, "length of the boundary", anchor="middle"))
    parts.append(text(LEFT[0], TOP - 28, "Eigenvalues above 0.1"))
    for each in networks:
        x = place(each["length"], spans[0], LEFT)
        y = place(max(each["above 0.1"], spans[1][0]), spans[1], (bottom, TOP))
        colour = COLOURS[each["stop"]]
        fill = colour if each["reached"] else "none"
        style = f'fill="{fill}" fill-opacity="0.7" stroke="{colour}"'
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {style}/>'
        if each["kind"] == "sine":
            shape = f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" {style}/>'
        parts.append(shape)
    return parts


def taus(groups: list[dict[str, Any]], height: float) -> list[str]:
    """A row a measure, the most positive first."""
    names = list(groups[0]["tau"])
    mean = {name: sum(group["tau"][name] for group in groups) / len(groups) for name in names}
    names.sort(key=lambda name: -mean[name])

    def across(tau: float) -> float:
        return RIGHT[0] + (tau + 1) / 2 * (RIGHT[1] - RIGHT[0])

    parts = [text(RIGHT[0], TOP - 28, "Kendall τ with the boundary's length")]
    for tau in (-1, -0.5, 0, 0.5, 1):
        x = across(tau)
        colour = MUTED if tau == 0 else RULE
        parts.append(line(x, TOP - 8, x, height - 30, colour))
        parts.append(
            text(x, height - 12, f"{tau:g}".replace("-", "−"), anchor="middle", colour=MUTED)
        )
    for row, name in enumerate(names):
        y = TOP + ROW * row + 10
        parts.append(text(RIGHT[0] - 14, y + 4, name.replace("λ1", "λ₁"), anchor="end"))
        for group in groups:
            x = across(group["tau"][name])
            parts.append(line(x, y - 8, x, y + 8, COLOURS[group["stop"]], 2.5))
    return parts


def drawn() -> str:
    """The whole picture."""
    study = json.loads(RESULTS.read_text())
    height = TOP + ROW * len(study["groups"][0]["tau"]) + 34
    parts = [*scatter(study["networks"], height), *taus(study["groups"], height)]
    for place, (loss, colour) in enumerate(COLOURS.items()):
        x = LEFT[0] + 160 + 110 * place
        parts.append(line(x, TOP - 32, x + 16, TOP - 32, colour, 4))
        parts.append(text(x + 22, TOP - 28, f"loss {loss:g}", colour=MUTED))
    frame = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13"'
    background = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>\n{background}\n{body}\n</svg>\n'


if __name__ == "__main__":
    PICTURE.write_text(drawn())
