"""The criteria of protocol.md, counted."""

from __future__ import annotations

import math

from practice.rows import Row
from practice.tables import grid, share

CLASSES = ["SGD", "Adam", "AdamW", "L-BFGS", "smoothed"]
SINCE = ["new kinds of data"]  # asked of the fourth set


def criteria(rows: list[Row]) -> str:
    """A line for each, with what was asked, what came, and whether it holds."""
    body = [*_answered(rows), *_intervals(rows), *_reliable(rows), *_minima(rows)]
    lines = [[said, found, "holds" if good else "**fails**"] for said, found, good in body]
    return grid(["asked", "found", ""], lines)


def _answered(rows: list[Row]) -> list[tuple[str, str, bool]]:
    adaptive = [row for row in rows if row.case.optimizer in ("adam", "adamw")]
    found = []
    for said, group, least in (
        ("an interval for ≥ 85% of Adam and AdamW", adaptive, 0.85),
        ("an interval for ≥ 75% of all", rows, 0.75),
    ):
        count = sum(row.answered for row in group)
        found.append((said, share(count, len(group)), count >= least * len(group)))
    return found


def _intervals(rows: list[Row]) -> list[tuple[str, str, bool]]:
    found = []
    asked = SINCE if rows and rows[0].case.half == "fourth" else []
    for kind in [*CLASSES, *asked]:
        group = [row for row in rows if kind in row.kinds and row.answered]
        for stated in (0.5, 0.9):
            n, kept = len(group), sum(row.holds(stated) for row in group)
            away = (kept - stated * n) / math.sqrt(n * stated * (1 - stated)) if n else 0.0
            said = f"{stated:.0%} intervals within 2 s.e., {kind}"
            found.append((said, f"{share(kept, n)}, {away:+.1f} s.e.", abs(away) <= 2))
    return found


def _reliable(rows: list[Row]) -> list[tuple[str, str, bool]]:
    group = [row for row in rows if row.verdict == "reliable"]
    two = sum(row.within(2) for row in group)
    worst = max((max(row.ratio, 1 / row.ratio) for row in group), default=1.0)
    return [
        ("`reliable` within ×2 in ≥ 95%", share(two, len(group)), two >= 0.95 * len(group)),
        ("none of them beyond ×3", f"worst ×{worst:.2f}", worst <= 3),
    ]


def _minima(rows: list[Row]) -> list[tuple[str, str, bool]]:
    group = [row for row in rows if row.case.optimizer == "lbfgs"]
    missed = [row for row in group if not row.found["converged"]]
    said = ", ".join(row.case.name for row in missed) or f"none of {len(group)}"
    return [("no exact minimum called none", said, not missed)]
