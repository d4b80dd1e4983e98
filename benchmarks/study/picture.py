"""Estimates against measured gaps, log-log, as SVG: one panel an estimate, one mark a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from study.readings import Reading

PANELS = (
    ("alo_ggn", "ALO"),
    ("soft_rank_ggn", "soft rank / n"),
    ("tic_ggn", "TIC"),
    ("kfac_soft_rank", "KFAC soft rank / n"),
)
# What is known of the training: a colour and a shape each.
MARKS = {
    "a minimum of its weight decay": ("#0b6e4f", "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z"),
    "SGD and its schedule": ("#c4661f", "M-4.5,4L4.5,4L0,-4.5z"),
}
SIDE, LEFT, TOP, GAP, LEGEND = 260, 62, 34, 78, 34
DECADES = (-3, 1)


def picture(readings: Sequence[Reading]) -> str:
    """The whole figure; numbers beyond the axes stand on their edge."""
    width = LEFT + len(PANELS) * (SIDE + GAP) - GAP + 16
    height = TOP + SIDE + 52 + LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for column, (name, title) in enumerate(PANELS):
        left = LEFT + column * (SIDE + GAP)
        parts += _panel(left, title)
        for each in readings:
            value = each.values[name]
            if value is not None:
                parts.append(_mark(left, each, value))
    parts += _legend(height - 16)
    return "\n".join([*parts, "</svg>\n"])


def _panel(left: int, title: str) -> list[str]:
    bottom = TOP + SIDE
    middle = left + SIDE / 2
    parts = [
        f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{title}</text>',
        f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
        f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle">measured gap, nats</text>',
        f'<text transform="translate({left - 42},{TOP + SIDE / 2}) rotate(-90)" '
        'text-anchor="middle">estimate, nats</text>',
    ]
    for decade in range(DECADES[0], DECADES[1] + 1):
        x, y = left + _along(10.0**decade), bottom - _along(10.0**decade)
        label = f"{10.0**decade:g}"
        parts += [
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>',
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>',
        ]
    for factor, dashes in ((1.0, ""), (2.0, "4 3"), (0.5, "4 3")):
        low, high = 10.0 ** DECADES[0], 10.0 ** DECADES[1]
        x1, x2 = max(low, low / factor), min(high, high / factor)
        parts.append(
            f'<line x1="{left + _along(x1):.1f}" y1="{bottom - _along(x1 * factor):.1f}" '
            f'x2="{left + _along(x2):.1f}" y2="{bottom - _along(x2 * factor):.1f}" '
            f'stroke="#777" stroke-dasharray="{dashes}"/>'
        )
    return parts


def _along(value: float) -> float:
    low, high = DECADES
    share = (math.log10(max(value, 1e-9)) - low) / (high - low)
    return SIDE * min(max(share, 0.0), 1.0)


def _mark(left: int, each: Reading, value: float) -> str:
    x, y = left + _along(each.gap), TOP + SIDE - _along(value)
    said = f"{each.name}: gap {each.gap:.3g}, estimate {value:.3g}"
    how = "a minimum of its weight decay" if each.pure_weight_decay else "SGD and its schedule"
    return (
        f'<path transform="translate({x:.1f},{y:.1f})" {_drawn(how)}><title>{said}</title></path>'
    )


def _drawn(how: str) -> str:
    colour, path = MARKS[how]
    return f'd="{path}" fill="{colour}" fill-opacity="0.6" stroke="{colour}"'


def _legend(y: int) -> list[str]:
    parts = []
    for index, how in enumerate(MARKS):
        x = LEFT + 8 + 230 * index
        parts.append(f'<path transform="translate({x},{y - 4})" {_drawn(how)}/>')
        parts.append(f'<text x="{x + 12}" y="{y}">{how}</text>')
    x = LEFT + 8 + 230 * len(MARKS)
    parts.append(f'<text x="{x}" y="{y}">lines: equal, and a factor 2 either way</text>')
    return parts
