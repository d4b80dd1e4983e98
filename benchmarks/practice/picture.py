"""The study's picture: measured gaps over estimates, with 90% intervals, a panel a set."""

from __future__ import annotations

import math

from practice.rows import Row

SIDE, LEFT, TOP, GAP = 360, 60, 40, 40
LOW, HIGH = -2.3, 1.1  # log10 of nats
COLOURS = {"sgd": "#0072b2", "adam": "#e69f00", "adamw": "#d55e00", "lbfgs": "#009e73"}
SAID = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "lbfgs": "L-BFGS"}


def picture(halves: dict[str, list[Row]]) -> str:
    """SVG, one panel a set."""
    width = LEFT + len(halves) * (SIDE + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{SIDE + 110}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, (title, rows) in enumerate(halves.items()):
        parts += _panel(LEFT + i * (SIDE + GAP), title, rows)
    for i, (key, colour) in enumerate(COLOURS.items()):
        x = LEFT + 90 * i
        parts.append(f'<circle cx="{x}" cy="{SIDE + 92}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 8}" y="{SIDE + 96}">{SAID[key]}</text>')
    said = "bar: 90% interval; black ring: gap outside it; filled: reliable"
    parts.append(f'<text x="{LEFT + 380}" y="{SIDE + 96}" fill="#444">{said}</text></svg>')
    return "\n".join(parts) + "\n"


def _place(value: float) -> float:
    return (math.log10(max(value, 1e-9)) - LOW) / (HIGH - LOW) * SIDE


def _inside(value: float) -> float:
    return min(max(_place(value), 0.0), float(SIDE))


def _panel(x0: float, title: str, rows: list[Row]) -> list[str]:
    bottom = TOP + SIDE
    parts = [f'<text x="{x0}" y="{TOP - 14}" font-size="13">{title}</text>']
    parts.append(
        f'<rect x="{x0}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>'
    )
    for nats in (0.01, 0.03, 0.1, 0.3, 1, 3, 10):
        at = _place(nats)
        parts.append(
            f'<path d="M{x0 + at:.1f} {bottom}V{TOP}M{x0} {bottom - at:.1f}h{SIDE}" stroke="#eee"/>'
        )
        parts.append(f'<text x="{x0 + at - 8:.1f}" y="{bottom + 14}">{nats}</text>')
        if x0 == LEFT:
            parts.append(f'<text x="{x0 - 32}" y="{bottom - at + 4:.1f}">{nats}</text>')
    parts.append(f'<path d="M{x0} {bottom}l{SIDE} {-SIDE}" stroke="#888" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{x0 + SIDE - 130}" y="{bottom + 30}">measured gap, nats</text>')
    if x0 == LEFT:
        parts.append(f'<text x="{x0}" y="{TOP - 2}" fill="#444">estimate, nats</text>')
    return parts + [mark for row in rows if row.answered for mark in _mark(row, x0, bottom)]


def _mark(row: Row, x0: float, bottom: float) -> list[str]:
    assert row.answer.m is not None
    colour = COLOURS[row.case.optimizer]
    x, y = x0 + _inside(row.gap), bottom - _inside(row.answer.m)
    low, high = row.interval(0.9, error=False)
    filled = colour if row.verdict == "reliable" else "white"
    ring = "#000" if not row.holds(0.9) else colour
    return [
        f'<path d="M{x:.1f} {bottom - _inside(low):.1f}V{bottom - _inside(high):.1f}" '
        f'stroke="{colour}" stroke-opacity="0.35"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{filled}" stroke="{ring}"/>',
    ]
