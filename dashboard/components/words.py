"""Numbers and verdicts in words: what the pages say, kept apart from how they look."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from dash import html

from minimascope.contract.report import Verdict

MINUS = "−"
ROUNDING = 1e-9  # of a value: an error below says nothing
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

VERDICTS: dict[Verdict, str] = {
    "reliable": "reliable",
    "uncertain": "uncertain",
    "no_estimate": "no estimate",
}
TONES: dict[str, str] = {"reliable": "good", "uncertain": "warn", "no_estimate": "muted"}
STATES = {
    "queued": "waiting for a worker",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
STAGES = {
    "spectrum": "Top eigenpairs of the Hessian",
    "density": "Spectral density",
    "gap": "Generalization gap over λ",
    "boundary": "Alignment and decision boundary",
    "margins": "Margins",
}


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits; powers of ten outside [1e-3, 1e5); an em dash for none."""
    if value is None or not math.isfinite(value):
        return "—"
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])  # after rounding: 9.99 may become 10
    if -3 <= exponent < 5:
        decimals = max(digits - 1 - exponent, 0)
        return f"{value:,.{decimals}f}".replace("-", MINUS).replace(",", "\u202f")
    mantissa = f"{value / 10.0**exponent:.{digits - 1}f}".replace("-", MINUS)
    return f"{mantissa}·10{str(exponent).translate(SUPERSCRIPT)}"


def level(value: float | None) -> str:
    """A λ as it was chosen: `10⁻³`, `0.003`, `3·10⁻⁵`; no digits beyond the third, no zeros."""
    if value is not None and value > 0:
        exponent = round(math.log10(value))
        if math.isclose(value, 10.0**exponent, rel_tol=1e-9) and exponent not in (0, 1):
            return f"10{str(exponent).translate(SUPERSCRIPT)}"
    mantissa, power, raised = number(value).partition("·10")
    plain = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{plain}{power}{raised}"


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def with_error(value: float | None, error: float | None) -> tuple[str, str]:
    """A value rounded to where its error has two digits, and `± error`; ("0.093", "± 0.046")."""
    if value is None or not math.isfinite(value):
        return "—", ""
    if error is None or not math.isfinite(error) or error <= ROUNDING * abs(value):
        return number(value), ""
    scale = math.floor(math.log10(max(abs(value), error)))
    if -3 <= scale < 5:
        decimals = max(1 - math.floor(math.log10(error)), 0)
        return f"{value:.{decimals}f}".replace("-", MINUS), f"± {error:.{decimals}f}"
    power = f"·10{str(scale).translate(SUPERSCRIPT)}"
    decimals = max(1 - math.floor(math.log10(error / 10**scale)), 0)
    mantissa = f"{value / 10**scale:.{decimals}f}".replace("-", MINUS)
    return f"{mantissa}{power}", f"± {error / 10**scale:.{decimals}f}{power}"


def percent(value: float | None) -> str:
    """A share in [0, 1] as a percentage with one decimal."""
    return "—" if value is None else f"{100 * value:.1f}\u202f%"


def when(moment: datetime | None) -> str:
    """A UTC time for people: `22 Nov 2026, 06:15 UTC`."""
    return "—" if moment is None else f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def moment(when_: datetime) -> Any:
    """A time that the browser writes in the reader's own zone (`page/times.mjs`)."""
    return html.Time(when(when_), dateTime=when_.isoformat())


def span(seconds: float) -> str:
    """A time that is roughly known: `40 s`, `3 min`, `2.5 h`."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{max(seconds, 1.0):.0f} s"


def plural(number_of: int, word: str, many: str = "") -> str:
    """`1 outlier`, `2 outliers`."""
    return f"{count(number_of)}\u00a0{word if number_of == 1 else many or word + 's'}"
