"""What layers with derivatives of their own know of the pass that they are in.

They are right for one pass forward, one back, and one derivative of that: what H and GGN products
are made of. A network that differentiates itself on the way (a physics-informed one, `torch.func`
in `forward`) asks for more; such a pass raises, and is made again of torch's own layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass
class Pass:
    """One pass forward. linear: its pullback will be differentiated in the cotangent alone."""

    linear: bool
    running: bool = True

    def check_over(self) -> None:
        """In a first backward pass. Raises RuntimeError where the network itself asks for it."""
        if self.running:
            raise RuntimeError("The network differentiates itself while it runs.")


def refuse_third() -> None:
    """In a second backward pass. Raises RuntimeError where that is to be differentiated again."""
    if torch.is_grad_enabled():
        raise RuntimeError("A third derivative was asked for, of a layer that has kept two.")
