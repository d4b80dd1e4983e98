"""What several minima say beside one another, in sentences: pages and command line say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minimascope.contract.report.sentences import nats
from minimascope.contract.schemas import KeyNumbers

TWICE = 2.0  # standard errors of a difference beyond which two gaps are told apart
UNLIKE = (
    "These minima are of different data, so none of them can be called the better one: a gap "
    "depends on the data too."
)


def sentences(items: Sequence[KeyNumbers], names: Sequence[str], *, one_data: bool = True) -> str:
    """Which generalizes best and by how much, how many directions each boundary needs.

    `names` in the order of `items`; `one_data` says whether all saw the same training and test
    set. Without anything to say, an empty text.
    """
    if len(items) < 2:
        return ""
    if not one_data:
        return UNLIKE
    known = [(item, name) for item, name in zip(items, names, strict=True)]
    parts = [_by_measured(known) or _by_estimate(known), _directions(known), _sharpness(known)]
    return " ".join(part for part in parts if part)


Named = Sequence[tuple[KeyNumbers, str]]


def _by_measured(known: Named) -> str:
    """From gaps on the test set, where at least two are known."""
    tested = [(item, name) for item, name in known if item.gap_measured is not None]
    if len(tested) < 2:
        return ""
    tested.sort(key=lambda pair: pair[0].gap_measured or 0.0)
    (best, name), *others = tested
    near = [other for item, other in others if not apart(best, item)]
    said = [f"{_gap(item)} for {other}" for item, other in others]
    if near:
        alike = joined([name, *near])
        rest = f"{_gap(best)} nats for {name}, {joined(said)}"
        return f"The measured gaps of {alike} differ by no more than their errors: {rest}."
    return (
        f"{name} generalizes best: its measured gap is {_gap(best)} nats, against {joined(said)}."
    )


def apart(one: KeyNumbers, other: KeyNumbers) -> bool:
    """Whether two measured gaps differ by more than twice the error of their difference.

    The errors are taken as independent, which over the same test examples is too wide.
    """
    if one.gap_measured is None or other.gap_measured is None:
        return False
    error = math.hypot(one.gap_measured_error or 0.0, other.gap_measured_error or 0.0)
    return abs(one.gap_measured - other.gap_measured) > TWICE * error


def _by_estimate(known: Named) -> str:
    """From 90% intervals, where nothing is measured."""
    found = [(item, name) for item, name in known if item.gap_ninety is not None]
    if len(found) < 2:
        return ""
    found.sort(key=lambda pair: pair[0].gap_estimate or 0.0)
    (best, name), *others = found
    high = best.gap_ninety[1] if best.gap_ninety else math.inf
    if all(item.gap_ninety is not None and item.gap_ninety[0] > high for item, _ in others):
        return f"{name} is expected to generalize best: its whole interval lies below the others'."
    return "Their intervals overlap, so the estimates do not say which generalizes best."


def _gap(item: KeyNumbers) -> str:
    error = item.gap_measured_error
    spread = "" if error is None else f" ± {nats(error)}"
    return f"{nats(item.gap_measured or 0.0, like=error or None)}{spread}"


def _directions(known: Named) -> str:
    counted = [(item.n90, name) for item, name in known if item.n90 is not None]
    if len(counted) < 2:
        return ""
    counted.sort()
    (least, name), *others = counted
    rest = joined([f"{other}'s {n90:,}" for n90, other in others])
    return f"{name}'s boundary needs {least:,} directions, {rest}."


def _sharpness(known: Named) -> str:
    """Where the flattest minimum is not the one that generalizes best."""
    both = [
        (item.gap_measured, item.lambda_max, name)
        for item, name in known
        if item.gap_measured is not None and item.lambda_max is not None
    ]
    if len(both) < 2:
        return ""
    best, sharpest = min(both), max(both, key=lambda each: each[1])
    return f"Sharpness misleads here: λ₁ is largest at {best[2]}." if best is sharpest else ""


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
