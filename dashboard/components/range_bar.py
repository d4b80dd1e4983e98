"""A range bar: the 50% and the 90% interval of an estimate, and the measured gap as a tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html

from minimascope.contract.report.sentences import nats, span

ROOM = 1.08  # of the scale beyond the largest number and the smallest


@dataclass(frozen=True)
class Range:
    """An estimate with its intervals, a measured gap with its standard error, or one of them."""

    value: float | None = None
    half: tuple[float, float] | None = None
    ninety: tuple[float, float] | None = None
    measured: float | None = None
    error: float | None = None
    unused: float | None = None  # computed, but nothing to stand by

    @property
    def largest(self) -> float:
        """The largest number that is drawn."""
        ends = self.ninety[1] if self.ninety else 0.0
        return max(ends, (self.measured or 0.0) + (self.error or 0.0))

    @property
    def smallest(self) -> float:
        """The smallest number that is drawn, 0 at most."""
        return min(0.0, (self.measured or 0.0) - (self.error or 0.0))

    @property
    def words(self) -> str:
        """What the bar shows, for those who do not see it."""
        parts = []
        if self.value is not None and self.ninety and self.half:
            half, ninety = span(self.value, self.half), span(self.value, self.ninety)
            parts.append(f"estimate {nats(self.value)}, half {half}, 90% {ninety}")
        if self.measured is not None:
            error = "" if self.error is None else f" ± {nats(self.error)}"
            parts.append(f"measured {nats(self.measured, like=self.error)}{error}")
        if self.unused is not None:
            parts.append(f"not used: {nats(self.unused)}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Scale:
    """What a line goes from and to; 0 is on it."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """In percent of the line; what is beyond stands at its end."""
        return 100 * min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def scale_of(ranges: Sequence[Range]) -> Scale:
    """From 0, or a measured gap below it, to the largest number of all."""
    low = min((each.smallest for each in ranges), default=0.0)
    high = max((each.largest for each in ranges), default=0.0)
    return Scale(ROOM * low, ROOM * high)


def range_bar(found: Range, *, scale: Scale | None = None, said: bool = True) -> html.Div | None:
    """On its own scale, or on one that several share.

    `said`: with its numbers in words above and below.
    """
    top = scale_of([found]) if scale is None else scale
    if top.high <= top.low or not found.words:
        return None
    marks = [
        _tick("range-zero", 0.0 if top.low < 0 else None, top),
        _stretch("range-ninety", found.ninety, top),
        _stretch("range-half", found.half, top),
        _tick("range-estimate", found.value, top),
        _stretch("range-error", _around(found), top),
        _tick("range-measured", found.measured, top),
        _beyond(found.unused, top),
    ]
    ends = _scale(top)
    above = _words("range-said", _estimated(found) if said else "")
    below = _words("range-said measured", _measured(found) if said else "")
    line = html.Div([mark for mark in marks if mark is not None], className="range-line")
    shown = [part for part in (above, line, ends, below) if part is not None]
    return html.Div(
        shown,
        className="range",
        role="img",
        title=found.words,
        **{"aria-label": found.words},
    )


def _scale(scale: Scale) -> html.Div:
    ends = [html.Span(nats(scale.low) if scale.low < 0 else "0")]
    if scale.low < 0:
        zero = {"left": f"{scale.place(0.0):.2f}%"}
        ends.append(html.Span("0", className="range-nought", style=zero))
    ends.append(html.Span(f"{nats(scale.high)} nats"))
    return html.Div(ends, className="range-scale")


def range_key(*, estimated: bool, measured: bool) -> html.P:
    """What the marks of range bars mean, of those that are drawn."""
    keys = [
        ("half of the chance", "key-half", estimated),
        ("90%", "key-ninety", estimated),
        ("measured, ± its standard error", "key-measured", measured),
    ]
    shown = [html.Span(words, className=f"key {name}") for words, name, drawn in keys if drawn]
    return html.P(shown, className="range-key")


def _estimated(found: Range) -> str:
    if found.value is not None and found.ninety:
        return f"estimate {nats(found.value)}, likely {span(found.value, found.ninety)}"
    return "" if found.unused is None else f"not used: {nats(found.unused)}"


def _measured(found: Range) -> str:
    if found.measured is None:
        return ""
    error = "" if found.error is None else f" ± {nats(found.error)}"
    return f"measured {nats(found.measured, like=found.error)}{error}"


def _words(name: str, words: str) -> html.P | None:
    unused = " unused" if words.startswith("not used") else ""
    return html.P(words, className=name + unused) if words else None


def _beyond(value: float | None, top: Scale) -> html.Span | None:
    """A number not to be used: a dashed line to its place, or out of the scale."""
    if value is None:
        return None
    place = top.place(value)
    return html.Span(className="range-unused", style={"left": f"{place:.2f}%"})


def _around(found: Range) -> tuple[float, float] | None:
    if found.measured is None or found.error is None:
        return None
    return found.measured - found.error, found.measured + found.error


def _stretch(name: str, ends: tuple[float, float] | None, top: Scale) -> html.Span | None:
    if ends is None:
        return None
    low, high = (top.place(end) for end in ends)
    return html.Span(className=name, style={"left": f"{low:.2f}%", "width": f"{high - low:.2f}%"})


def _tick(name: str, value: float | None, top: Scale) -> html.Span | None:
    if value is None:
        return None
    return html.Span(className=name, style={"left": f"{top.place(value):.2f}%"})
