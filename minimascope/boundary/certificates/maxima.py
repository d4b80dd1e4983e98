"""The maximum of a window between two linear functions of one of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.certificates.rounding import UNIT, dot
from minimascope.boundary.certificates.steps import Maximum, windowed


@dataclass(frozen=True, eq=False)
class Choice:
    """Of every window one number x_j, at `place` (n, outputs) of the input: the maximum is at
    least x_j and at most slope·x_j + top. [low, high] (n, *out) holds the maximum itself."""

    place: Tensor
    slope: Tensor
    top: Tensor
    low: Tensor
    high: Tensor
    largest: Tensor

    def pull(self, step: Maximum, forms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Forms (1 or n, s, *out) back to the input, their constants (n, s), sizes (n, *out)."""
        flat = forms.flatten(2)
        down = flat.clamp(max=0)
        linear = torch.where(flat > 0, flat, down * self.slope[:, None])
        n, s = linear.shape[:2]
        index = self.place[:, None].expand(-1, s, -1)
        back = flat.new_zeros(n, s, step.into.numel()).scatter_add(2, index, linear)
        return back.view(n, s, *step.into), dot(down, self.top), self.largest + self.top.abs()


def choice(step: Maximum, low: Tensor, high: Tensor) -> Choice:
    """For inputs in [low, high] (n, *into).

    x_j is the number whose interval's middle is highest; with o the largest that any other can be,
    max(x_j, o) is convex in x_j, so its chord over x_j's interval is above it.
    """
    below = windowed(low, step.windows, beyond=-torch.inf)
    above = windowed(high, step.windows, beyond=-torch.inf)
    which = (below + above).argmax(-1, keepdim=True)
    place = step.windows.expand(len(low), -1, -1).gather(2, which)[..., 0]
    least, most = (e.gather(2, which)[..., 0] for e in (below, above))
    others = above.scatter(2, which, -torch.inf).amax(-1)
    at_least, at_most = torch.maximum(least, others), torch.maximum(most, others)
    width = most - least
    slope = torch.where(width > 0, (at_most - at_least) / width.clamp_min(1e-300), 1.0).clamp(0, 1)
    # Whatever the slope has become by rounding, the line is put above both ends.
    top = torch.maximum(at_least - slope * least, at_most - slope * most)
    largest = torch.maximum(below.nan_to_num(neginf=0).abs(), above.nan_to_num(neginf=0).abs())
    largest = largest.amax(-1)
    top = top + 16 * UNIT * (at_least.abs() + at_most.abs() + largest)
    shape = (len(low), *step.out)
    return Choice(
        place, slope, top, below.amax(-1).view(shape), above.amax(-1).view(shape), largest
    )
