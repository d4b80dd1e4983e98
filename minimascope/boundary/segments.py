"""Where a segment from a point to an input of another class crosses the boundary.

The root of f_own − max of the others along the segment by regula falsi (Illinois: Dowell & Jarratt
1971), vectorised over segments. Whatever the guesses are, an end is only ever moved to a fraction
at which the network itself was evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.class_map import ClassMap

_CLOSING_STEPS = 120  # a bisection every third step halves the bracket at least 40 times
_ROUND_STEPS = 4


@dataclass
class _Bracket:
    """Fractions low < high of segments x → z (m, d) with the leads there: low ≥ 0 > high."""

    low: Tensor
    high: Tensor
    at_low: Tensor
    at_high: Tensor

    def rows(self, mask: Tensor) -> _Bracket:
        return _Bracket(self.low[mask], self.high[mask], self.at_low[mask], self.at_high[mask])

    def guess(self, *, halving: bool, nudge: float) -> Tensor:
        """A fraction in between: where the line through the leads is zero, or the middle."""
        width = self.high - self.low
        share = self.at_low / (self.at_low - self.at_high)
        share = torch.where(share.isfinite() & (not halving), share, 0.5)
        # Beyond the root as it seems, in turn to both sides, so that both ends close in on it.
        least = torch.minimum(width / 4, torch.full_like(width, abs(nudge)))
        return torch.clamp(self.low + share * width + nudge, self.low + least, self.high - least)

    def update(self, fraction: Tensor, lead: Tensor) -> None:
        """Takes in the lead at `fraction`; halves that of an end that stays (Illinois)."""
        changed = lead < 0
        at_low = torch.where(changed, self.at_low / 2, lead)
        at_high = torch.where(changed, lead, self.at_high / 2)
        self.low = torch.where(changed, self.low, fraction)
        self.high = torch.where(changed, fraction, self.high)
        self.at_low, self.at_high = at_low, at_high


def _bracket(at_x: Tensor, at_z: Tensor) -> _Bracket:
    tiny = torch.finfo(at_x.dtype).tiny  # a tie of logits is a change of class, too
    low, high = torch.zeros_like(at_x), torch.ones_like(at_z)
    return _Bracket(low, high, at_x.clamp_min(0), at_z.clamp_max(-tiny))


def towards(
    surface: ClassMap, x: Tensor, z: Tensor, own: Tensor, *, at_x: Tensor, at_z: Tensor
) -> Tensor:
    """Moves z (class ≠ own) some steps along its segment towards x (class own).

    `at_x` and `at_z` (m,) are f_own − max of the others there. The result is on z's side: its class
    was evaluated and differs from `own`.
    """
    bracket = _bracket(at_x, at_z)
    for step in range(_ROUND_STEPS):
        nudge = 1e-4 if step % 2 == 0 else -1e-4
        middle = bracket.guess(halving=False, nudge=nudge)
        bracket.update(middle, surface.lead(x + middle[:, None] * (z - x), own))
    return x + bracket.high[:, None] * (z - x)


def onto_boundary(
    surface: ClassMap, x: Tensor, z: Tensor, own: Tensor, *, tolerance: float
) -> Tensor:
    """Moves z (class ≠ own) along its segment until x's class is within `tolerance` of it.

    `tolerance` is a share of the segment. The result is on z's side, as in `towards`.
    """
    high = torch.ones_like(x[:, 0])
    left = torch.arange(len(x), device=x.device)
    bracket = _bracket(surface.lead(x, own), surface.lead(z, own))
    for step in range(_CLOSING_STEPS):
        if not len(left):
            break
        nudge = tolerance / 4 if step % 2 == 0 else -tolerance / 4
        middle = bracket.guess(halving=step % 3 == 2, nudge=nudge)
        points = x[left] + middle[:, None] * (z[left] - x[left])
        bracket.update(middle, surface.lead(points, own[left]))
        high[left] = bracket.high
        wide = bracket.high - bracket.low > tolerance
        left, bracket = left[wide], bracket.rows(wide)
    return x + high[:, None] * (z - x)
