"""Axes of a figure that is written as SVG: where values lie, which of them have words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from minimascope.figures.log_ticks import label as log_label
from minimascope.figures.log_ticks import ticks as log_ticks
from minimascope.figures.symlog import Floats
from minimascope.figures.theme import AXIS

ROOM = 0.04  # of an axis beyond its data
TICKS = 5


@dataclass(frozen=True)
class Axis:
    """Where values lie between two ends, in pixels."""

    low: float
    high: float
    start: float
    stop: float
    log: bool
    spec: dict[str, Any]

    def at(self, values: Any) -> Floats:
        """Pixels of values; NaN where a log axis has none."""
        found = np.asarray(values, dtype=np.float64)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.where(found > 0, np.log10(found), np.nan)
        share = (found - self.low) / (self.high - self.low or 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Value and words of each that lies within."""
        if self.spec.get("tickvals") is not None:
            values = [float(each) for each in self.spec["tickvals"]]
            words = self.spec.get("ticktext")
            words = [f"{v:g}" for v in values] if words is None else [str(w) for w in words]
        elif self.log:
            values = log_ticks(10**self.low, 10**self.high)
            words = [log_label(each) for each in values]
        else:
            values = _round_ticks(self.low, self.high)
            words = [f"{each:g}" for each in values]
        inside = sorted((self.start, self.stop))
        places = self.at(values)
        found = zip(values, words, places, strict=True)
        return [(v, w) for v, w, x in found if inside[0] - 0.5 <= x <= inside[1] + 0.5]


def axis_name(trace: dict[str, Any], which: str) -> str:
    """Of the axis that a trace is drawn along, as layouts call it."""
    return f"{which}axis" + str(trace.get(f"{which}axis") or which)[1:]


def axes_of(
    layout: dict[str, Any], traces: list[dict[str, Any]], width: int, height: int
) -> dict[str, Axis]:
    """Every axis of a figure of so many pixels, by its name in the layout."""
    margin = {"l": 56, "r": 12, "t": 10, "b": 44, **(layout.get("margin") or {})}
    grows = any(layout[key].get("automargin") for key in layout if AXIS.fullmatch(key))
    margin["b"] = min(max(margin["b"], 30 if grows else 0), 60)
    across = (margin["l"], width - margin["r"])
    up = (height - margin["b"], margin["t"])
    used = {axis_name(trace, which) for trace in traces for which in "xy"}
    found = {}
    for name in sorted(used | {key for key in layout if AXIS.fullmatch(key)}):
        spec = layout.get(name) or {}
        start, stop = across if name[0] == "x" else up
        low, high = spec.get("domain") or (0.0, 1.0)
        ends = (start + low * (stop - start), start + high * (stop - start))
        found[name] = _axis(name, spec, traces, ends)
    return found


def _axis(
    name: str, spec: dict[str, Any], traces: list[dict[str, Any]], ends: tuple[float, float]
) -> Axis:
    log = spec.get("type") == "log"
    if spec.get("autorange") == "reversed":
        ends = (ends[1], ends[0])
    named = [t[name[0]] for t in traces if axis_name(t, name[0]) == name and _is_named(t[name[0]])]
    if named and spec.get("tickvals") is None:
        count = len(named[0])
        spec = {**spec, "tickvals": range(count), "ticktext": list(named[0])}
        spec.setdefault("range", (-0.5, count - 0.5))
    if spec.get("range") is not None:
        low, high = (float(each) for each in spec["range"])
        return Axis(low, high, *ends, log, spec)
    mine = [numbers(t[name[0]]) for t in traces if axis_name(t, name[0]) == name]
    values = np.concatenate([*mine, np.empty(0)])
    if any(t["type"] == "bar" for t in traces) and name[0] == "y":
        values = np.append(values, 0.0)
    if log:
        values = np.log10(values[values > 0])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = ROOM * (high - low) or 0.5
    return Axis(low - room, high + room, *ends, log, spec)


def _is_named(values: Sequence[Any]) -> bool:
    return any(isinstance(each, str) for each in values)


def numbers(values: Sequence[Any]) -> Floats:
    """Categories are numbered from 0."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.arange(len(values), dtype=np.float64)


def frames(axes: dict[str, Axis], height: int) -> Iterator[str]:
    """Lines, ticks and titles of the axes."""
    for name, axis in axes.items():
        if axis.spec.get("visible") is False:
            continue
        colour = axis.spec.get("linecolor", "#d9dce1")
        other = axes.get(_partner(name, axis, axes))
        if other is None:
            continue
        yield from _line_of_axis(name, axis, other, colour)
        title = plain((axis.spec.get("title") or {}).get("text") or "")
        middle = (axis.start + axis.stop) / 2
        if name[0] == "x":
            yield _text(middle, min(other.start + 34, height - 4), title, "middle")
        else:
            yield (
                f'<text transform="translate(12 {middle:.1f}) rotate(-90)" text-anchor="middle" '
                f'fill="#5b616b">{escape(title)}</text>'
            )


def _partner(name: str, axis: Axis, axes: dict[str, Axis]) -> str:
    other = "y" if name[0] == "x" else "x"
    anchor = axis.spec.get("anchor")
    if anchor and anchor != "free":
        return f"{other}axis{str(anchor)[1:]}"
    own = f"{other}axis{name[5:]}"
    return own if own in axes else f"{other}axis"


def _line_of_axis(name: str, axis: Axis, other: Axis, colour: str) -> Iterator[str]:
    shown = axis.spec.get("showticklabels") is not False
    if name[0] == "x":
        yield _line(axis.start, other.start, axis.stop, other.start, colour)
        for value, words in axis.ticks() if shown else []:
            x = float(axis.at([value])[0])
            yield _line(x, other.start, x, other.start + 4, colour)
            yield _text(x, other.start + 16, plain(words), "middle")
        return
    yield _line(other.start, axis.start, other.start, axis.stop, colour)
    for value, words in axis.ticks() if shown else []:
        y = float(axis.at([value])[0])
        yield _line(other.start - 4, y, other.start, y, colour)
        yield _text(other.start - 6, y + 4, plain(words), "end")


def _round_ticks(low: float, high: float) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / TICKS or 1.0))
    step = next(step * k for k in (1, 2, 5, 10) if (high - low) / (step * k) <= TICKS + 1)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{safe(colour)}"/>'
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#5b616b">'
        f"{escape(words)}</text>"
    )


def plain(words: str) -> str:
    """Plotly's markup of powers and indices as characters."""
    ups = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
    found, rest = "", words
    while "<sup>" in rest:
        before, _, rest = rest.partition("<sup>")
        power, _, rest = rest.partition("</sup>")
        found += before + power.translate(ups)
    found += rest
    for tag in ("<sub>", "</sub>", "<i>", "</i>", "<b>", "</b>"):
        found = found.replace(tag, "")
    return found.replace("<br>", " ")


def safe(colour: str) -> str:
    """A colour as an attribute holds it."""
    return escape(str(colour), quote=True)
