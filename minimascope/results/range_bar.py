"""The range bar as SVG: 50% and 90% interval of the estimate, and the measured gap as a tick."""

from __future__ import annotations

from html import escape

from minimascope.contract.report import Gap
from minimascope.contract.report.sentences import nats, span

WIDTH, HEIGHT = 520, 46
EDGE = 8  # pixels on both sides
ROOM = 1.08  # of the scale beyond the largest number


def range_bar(gap: Gap) -> str:
    """Empty where there is neither an estimate nor a measured gap above 0."""
    found, measured = gap.headline, gap.measured
    value = None if measured is None else measured.value
    error = 0.0 if measured is None else measured.standard_error or 0.0
    ends = [] if found is None else [found.ninety[1]]
    top = ROOM * max([*ends, (value or 0.0) + error, 0.0])
    if top <= 0:
        return ""

    def at(number: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * min(max(number / top, 0.0), 1.0)

    marks = [_stretch(at(0.0), at(top), 15, 1, "#d9dce1")]
    said = []
    if found is not None:
        marks += [
            _stretch(at(found.ninety[0]), at(found.ninety[1]), 12, 7, "#b8cfe6"),
            _stretch(at(found.half[0]), at(found.half[1]), 10, 11, "#1d5fa8"),
            _stretch(at(found.value) - 1, at(found.value) + 1, 6, 19, "#1a1c20"),
        ]
        said.append(f"estimate {nats(found.value)}, 90% {span(found.value, found.ninety)}")
    if value is not None:
        low, high = at(value - error), at(value + error)
        marks += [
            _stretch(low, high, 27, 2, "#c2290a"),
            _stretch(at(value) - 1, at(value) + 1, 4, 25, "#c2290a"),
        ]
        said.append(f"measured {nats(value, like=error or None)}")
    colours = (("blue: 50% and 90% of the estimate", found), ("red: measured", value))
    key = "; ".join(words for words, shown in colours if shown is not None)
    label = escape("; ".join(said), quote=True)
    words = (
        f'<text x="{EDGE}" y="{HEIGHT - 4}" fill="#5b616b">0</text>'
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle" fill="#5b616b">'
        f"{key}</text>"
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 4}" text-anchor="end" fill="#5b616b">'
        f"{escape(nats(top))} nats</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{label}" style="max-width:100%;'
        f'font:11px sans-serif"><title>{label}</title>{"".join(marks)}{words}</svg>'
    )


def _stretch(left: float, right: float, top: float, height: float, colour: str) -> str:
    wide = max(right - left, 0.0)
    return f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{height}" fill="{colour}"/>'
