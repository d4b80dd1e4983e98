"""Leave-one-out of sequences drawn at random, whose logits never all stand at once.

δθ_i = (A − H_i)⁻¹ g_i/n, H_i the sequence's own share of the GGN, by conjugate gradients
(`moved_network`); its loss is that of the network at θ + δθ_i, and of the outputs to first order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.gap.moved_network import (
    AT_ONCE,
    USUAL_STEPS,
    drawn_order,
    moved_count,
    steps_without,
)
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.token_head import token_head
from minimascope.curvature.products.token_losses import moved_sequence
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.saved_parts import Part, Parts
from minimascope.objective.loss import Loss

FEWEST = 2  # sequences, for an error
BATCH = "sequences left out, batch"
# At which the losses of left-out logits are known: their least is at the fitted temperature.
TEMPERATURES = torch.logspace(-2, 2, 41, dtype=torch.float64)


@dataclass(frozen=True)
class SequencesLeftOut:
    """Of sequences `examples` (m,) under each of some losses, nats (l × m): moved by the network at
    θ + δθ, linear by its outputs to first order. tempered (m × 41): the latter under the first loss
    at TEMPERATURES. unfinished: how many conjugate gradients time broke off."""

    examples: Tensor
    moved: Tensor
    linear: Tensor
    tempered: Tensor
    unfinished: int

    @property
    def temperature(self) -> float:
        """The one that minimises the mean loss, by a parabola in its logarithm."""
        losses, step = self.tempered.mean(0), math.log(10) * 4 / (len(TEMPERATURES) - 1)
        k = min(max(int(losses.argmin()), 1), len(losses) - 2)
        before, least, after = losses[k - 1 : k + 2].tolist()
        bend = before - 2 * least + after
        shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
        return float(TEMPERATURES[k]) * math.exp(step * min(max(shift, -1.0), 1.0))


def how_many(products: Ggn) -> int:
    """Sequences that are left out where time is not short."""
    return moved_count(products.minimum.n, products.operator.graph_bytes, sequences=True)


def leave_out(
    minimum: Minimum,
    products: Ggn,
    ridge: float,
    losses: Sequence[Loss],
    *,
    seed: int,
    parts: Parts,
    root: Tensor | None,
) -> SequencesLeftOut:
    """As many as `how_many` says, or as there is time for, two at least.

    minimum: in float64, where the losses are read; products: of the same in its own precision, in
    the coordinates θ/root.
    """
    clock, count, batches = parts.clock, how_many(products), parts.series(BATCH)
    order = drawn_order(minimum.n, seed)[:count].to(minimum.inputs.device)
    while (done := _done(batches)) < count:
        size = _batch_size(products, clock, batches)
        if done >= FEWEST and (size < 1 or clock.past(1.0)):
            break
        # In lockstep the first ones share what time there is.
        least = max(1, min(FEWEST - done, AT_ONCE // products.minimum.dim))
        some = order[done:][: max(least, size)]

        def over(first: int = done + 1, last: int = done + len(some)) -> bool:
            said = f"sequences {first} to {last} of {count} left out"
            clock.tell(f"{said}, {products.count} products")
            return clock.past(1.0)

        def make(some: Tensor = some, over: Callable[[], bool] = over) -> Part:
            begun = clock.used
            found = _batch(minimum, products, ridge, losses, some, over=over, root=root)
            return found | {"seconds": torch.tensor(clock.used - begun)}

        batches.append(parts.once(f"{BATCH} {len(batches) + 1}", make, lambda: products.count))
    return _together(batches, minimum.inputs.device)


def _done(batches: list[Part]) -> int:
    return sum(len(batch["examples"]) for batch in batches)


def _batch_size(products: Ggn, clock: Clock, batches: list[Part]) -> int:
    """As many as fit in memory and, as far as is known, in what is left of the time."""
    each = USUAL_STEPS * products.seconds
    if batches:
        each = max(float(x["seconds"]) / len(x["examples"]) for x in batches)
    return min(max(1, AT_ONCE // products.minimum.dim), int(clock.left() / each))


def _batch(
    minimum: Minimum,
    products: Ggn,
    ridge: float,
    losses: Sequence[Loss],
    examples: Tensor,
    *,
    over: Callable[[], bool],
    root: Tensor | None,
) -> Part:
    steps, moving = steps_without(products, examples, ridge, over)
    if products.minimum is not minimum and not bool(steps.isfinite().all()):  # too coarse
        steps, moving = steps_without(Ggn(minimum, root=root), examples, ridge, over)
    head, like = token_head(minimum), minimum.theta
    found = [
        moved_sequence(minimum, head, i, step.to(like), losses, TEMPERATURES)
        for i, step in zip(examples.tolist(), steps, strict=True)
    ]
    return {
        "examples": examples,
        "moved": torch.stack([each.network for each in found]),
        "linear": torch.stack([each.linear for each in found]),
        "tempered": torch.stack([each.tempered for each in found]),
        "moving": moving,
    }


def _together(batches: list[Part], device: torch.device) -> SequencesLeftOut:
    """All batches; those that time broke off only where they are needed for an error."""
    names = ("examples", "moved", "linear", "tempered", "moving")
    whole = {name: torch.cat([x[name].to(device) for x in batches]) for name in names}
    kept = ~whole["moving"]
    if int(kept.sum()) < FEWEST:
        kept = torch.ones_like(kept)
    found = {name: each[kept] for name, each in whole.items()}
    return SequencesLeftOut(
        found["examples"],
        found["moved"].T,
        found["linear"].T,
        found["tempered"],
        int(found["moving"].sum()),
    )
