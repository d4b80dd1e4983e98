"""Draws docs/images/architecture.svg: the rooms, what lies in them, a checkpoint's way through.

    python docs/draw_architecture.py

What a room is said to be is the first sentence of its own package's docstring, and a test compares
the rooms drawn with those there are: the picture cannot grow old unnoticed.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).parent / "images" / "architecture.svg"
WIDTH, MARGIN, GAP = 1240, 28, 12

# Bands from the roof down; a band's floors; a floor's rooms side by side, each with its share.
BANDS: dict[str, list[list[tuple[str, float]]]] = {
    "The application: people run it": [[("dashboard", 1), ("backend", 1.25), ("workers", 1)]],
    "The library: people import it": [
        [("minimascope/agents", 1), ("minimascope/cli", 1), ("minimascope/client", 1)],
        [("minimascope/callbacks", 1), ("minimascope/tracking", 1.6)],
        [("minimascope/training", 1.4), ("minimascope/results", 1)],
        [("minimascope/analysis", 1.7), ("minimascope/figures", 1)],
        [("minimascope/intake", 1.7), ("minimascope/boundary", 1), ("minimascope/validation", 1)],
        [("minimascope/curvature", 2.2), ("minimascope/weight_matrices", 1)],
        [("minimascope/objective", 1)],
    ],
    "The ground: what all of them say to one another": [
        [("minimascope/contract", 1.4), ("minimascope/service", 1), ("minimascope/machine", 1)]
    ],
}
# Where the floors inside a room lie upon one another: from the top down.
INNER: dict[str, list[list[str]]] = {
    "minimascope/curvature": [
        ["gap"],
        ["stationarity", "sweep", "spectrum"],
        ["krylov"],
        ["products"],
        ["layers"],
        ["minimum"],
        ["running"],
    ],
}
# A checkpoint's way: the room and the place in it.
WAY: list[tuple[str, str, str]] = [
    ("backend", "uploads", "A browser or a script sends checkpoint and data; stored by content."),
    ("backend", "jobs", "A job row, and a Celery message that carries its id."),
    ("workers", "process", "A worker claims it; a supervised child does the work."),
    (
        "minimascope/intake",
        "sandbox",
        "The files are parsed in a process that may do no more.",
    ),
    (
        "minimascope/analysis",
        "stages",
        "Spectrum, gap, boundary, margins: published as they end.",
    ),
    ("backend", "analyses", "Report and arrays come back over HTTP and are kept."),
    ("minimascope/figures", "", "A picture is a pure function of the report."),
    ("dashboard", "pages", "The page reads the same API as any script."),
]

STYLE = """
text { font-family: system-ui, sans-serif; fill: #1c2430; }
.band { fill: #eef1f5; } .room { fill: #ffffff; stroke: #9aa7b8; }
.inner { fill: #f5f7fa; stroke: #c3ccd8; }
.title { font-size: 15px; font-weight: 600; fill: #55637a; }
.name { font-size: 16px; font-weight: 700; } .said { font-size: 12.5px; fill: #44506a; }
.part { font-size: 12.5px; } .step { fill: #b3541e; }
.digit { font-size: 12px; font-weight: 700; fill: #ffffff; }
.way { font-size: 13.5px; } .down { stroke: #9aa7b8; stroke-width: 2; fill: none; }
@media (prefers-color-scheme: dark) {
  svg { background: #10151d; } text { fill: #e6ebf2; } .band { fill: #18202b; }
  .room { fill: #1f2937; stroke: #4b5a70; } .inner { fill: #253144; stroke: #44536a; }
  .title { fill: #9fb0c8; } .said { fill: #b6c2d4; } .step { fill: #d97a3f; }
}
"""


def said(room: Path) -> str:
    """The first sentence of a package's docstring."""
    document = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    sentence = document.split("\n\n")[0].replace("\n", " ")
    return sentence.split(". ")[0].rstrip(".").replace("`", "")


def parts(room: Path) -> list[str]:
    """The packages and folders of code inside a room, by name."""
    found = [path for path in room.iterdir() if path.is_dir() and not path.name.startswith("_")]
    return sorted(
        path.name
        for path in found
        if any(path.glob("*.py")) or any(path.glob("*.mjs")) or any(path.glob("*.css"))
    )


@dataclass
class Sheet:
    """SVG elements so far, and how far down the sheet they reach."""

    elements: list[str]
    y: float = MARGIN

    def box(self, x: float, y: float, w: float, h: float, kind: str) -> None:
        size = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
        self.elements.append(f'<rect class="{kind}" {size} rx="6"/>')

    def text(self, x: float, y: float, words: str, kind: str, anchor: str = "start") -> None:
        at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self.elements.append(f'<text class="{kind}" {at}>{escape(words)}</text>')

    def step(self, x: float, y: float, number: int) -> None:
        self.elements.append(f'<circle class="step" cx="{x:.1f}" cy="{y:.1f}" r="10"/>')
        self.text(x, y + 4.2, str(number), "digit", "middle")


def steps_at(room: str, part: str) -> list[int]:
    """Numbers of the steps of the way that happen here."""
    return [k for k, (where, at, _) in enumerate(WAY, 1) if (where, at) == (room, part)]


def rows_of(room: str, width: float) -> list[list[str]]:
    """The parts of a room in rows: its floors where it has some, else as many as fit."""
    if room in INNER:
        return INNER[room]
    rows: list[list[str]] = []
    used = width
    for part in parts(ROOT / room):
        needed = 9 + part_width(room, part)
        if used + needed > width:
            rows.append([])
            used = 0
        rows[-1].append(part)
        used += needed
    return rows


def part_width(room: str, part: str) -> float:
    """Of a part's box, in pixels."""
    return 22 + 7.4 * len(part) + 24 * len(steps_at(room, part))


def height_of(room: str, width: float) -> float:
    """Of a room of this width, in pixels."""
    lines = textwrap.wrap(said(ROOT / room), int(width / 7.2))
    return 34 + 17 * len(lines) + 29 * len(rows_of(room, width - 24)) + 8


def draw_room(sheet: Sheet, room: str, x: float, y: float, w: float, h: float) -> None:
    sheet.box(x, y, w, h, "room")
    sheet.text(x + 12, y + 23, room.removeprefix("minimascope/"), "name")
    for k, number in enumerate(steps_at(room, "")):
        sheet.step(x + w - 20 - 24 * k, y + 18, number)
    down = y + 42
    for line in textwrap.wrap(said(ROOT / room), int(w / 7.2)):
        sheet.text(x + 12, down, line, "said")
        down += 17
    for row in rows_of(room, w - 24):
        draw_parts(sheet, room, row, x + 12, down - 8, w - 24)
        down += 29


def draw_parts(sheet: Sheet, room: str, row: list[str], x: float, y: float, width: float) -> None:
    across = (width - 9 * (len(row) - 1)) / len(row)
    for part in row:
        w = across if room in INNER else part_width(room, part)
        sheet.box(x, y, w, 24, "inner")
        sheet.text(x + 10, y + 16.5, part, "part")
        if room in INNER:
            words = said(ROOT / room / part)
            sheet.text(x + 96, y + 16.5, textwrap.shorten(words, int((w - 110) / 6.3)), "said")
        for k, number in enumerate(steps_at(room, part)):
            sheet.step(x + w - 14 - 24 * k, y + 12, number)
        x += w + 9


def draw_band(sheet: Sheet, title: str, floors: list[list[tuple[str, float]]]) -> None:
    inside = WIDTH - 2 * MARGIN - 28
    sizes: list[list[float]] = []
    for floor in floors:
        room = inside - GAP * (len(floor) - 1)
        sizes.append([room * share / sum(each for _, each in floor) for _, share in floor])
    heights = [
        max(height_of(name, w) for (name, _), w in zip(floor, widths, strict=True))
        for floor, widths in zip(floors, sizes, strict=True)
    ]
    total = 34 + sum(heights) + GAP * (len(floors) - 1) + 14
    sheet.box(MARGIN, sheet.y, WIDTH - 2 * MARGIN, total, "band")
    sheet.text(MARGIN + 14, sheet.y + 23, title, "title")
    y = sheet.y + 34
    for floor, widths, h in zip(floors, sizes, heights, strict=True):
        x = MARGIN + 14.0
        for (name, _), w in zip(floor, widths, strict=True):
            draw_room(sheet, name, x, y, w, h)
            x += w + GAP
        y += h + GAP
    sheet.y += total + 26


def arrow_down(sheet: Sheet) -> None:
    """Between two bands: imports point down, never up."""
    x, y = WIDTH / 2, sheet.y - 24
    sheet.elements.append(f'<path class="down" d="M{x} {y} v18 m-6 -7 l6 7 l6 -7"/>')
    sheet.text(x + 16, y + 14, "imports point down, never up", "said")


def picture() -> str:
    """The SVG document."""
    sheet = Sheet([])
    for k, (title, floors) in enumerate(BANDS.items()):
        if k:
            arrow_down(sheet)
        draw_band(sheet, title, floors)
    sheet.text(MARGIN, sheet.y + 8, "A checkpoint's way", "title")
    half = (len(WAY) + 1) // 2
    for k, (_, _, words) in enumerate(WAY, 1):
        column, row = divmod(k - 1, half)
        x, y = MARGIN + 12 + column * (WIDTH - 2 * MARGIN) / 2, sheet.y + 34 + 28 * row
        sheet.step(x, y, k)
        sheet.text(x + 20, y + 5, words, "way")
    height = sheet.y + 34 + 28 * half
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
    label = ' role="img" aria-label="The rooms of minimascope, a checkpoint\'s way through them">'
    return "\n".join([head + label, f"<style>{STYLE}</style>", *sheet.elements, "</svg>", ""])


def drawn() -> set[str]:
    """Every room and part of a room in the picture."""
    rooms = [name for floors in BANDS.values() for floor in floors for name, _ in floor]
    inside = {f"{room}/{part}" for room in rooms for row in rows_of(room, 400) for part in row}
    return {*rooms, *inside}


if __name__ == "__main__":
    PICTURE.write_text(picture())
    print(PICTURE.relative_to(ROOT))
