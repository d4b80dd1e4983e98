"""One measurement: what is known of the weights of this moment on the fixed sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from minimascope.boundary.class_map import ClassMap
from minimascope.boundary.classification import logits_at
from minimascope.boundary.complexity import (
    Complexity,
    alignment_matrix,
    complexity,
    random_max_alignment,
)
from minimascope.contract.report import DataSummary
from minimascope.contract.report.tracked import Tracked
from minimascope.curvature.krylov.slq import ProbeSize, quadrature, spectral_sum
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.memory import out_of_memory
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.warm_pairs import Pairs, top_pairs
from minimascope.tracking.followed import Followed
from minimascope.tracking.soft_rank import soft_rank
from minimascope.tracking.stepping import Stepping

T = TypeVar("T")
# Of the trace outside the pairs: one product each, the same at every step, so that steps compare.
PROBES = ProbeSize(probes=6, steps=1)
ALIGNED_NUMBERS = 10**8  # of gradients, n·p, up to which alignments are worth their time


@dataclass(frozen=True)
class Measured:
    """Eigenpairs of H and its trace with error, and the numbers that are tracked."""

    pairs: Pairs
    trace: float
    trace_error: float | None
    numbers: Tracked


@dataclass
class Measuring:
    """What is kept from one step to the next: eigenvectors, and the level of chance of |A|."""

    followed: Followed
    count: int
    seed: int
    before: Tensor | None = None
    before_seen: Tensor | None = None
    _chance: float | None = field(default=None, init=False)

    def measure(
        self, data: DataSummary, steps: Stepping | None, rates: float, step: int
    ) -> Measured:
        """`rates`: the sum of the learning rates of all steps seen, over 1 − momentum."""
        minimum = self.followed.minimum
        operator = hessian(minimum)
        pairs = top_pairs(operator, self.before, count=self.count, seed=self.seed + step)
        self.before = pairs.vectors
        rules = quadrature(operator, pairs.vectors, size=PROBES, run=Run(self.seed))
        trace, error = spectral_sum(pairs.values, rules, lambda values: values)
        numbers = Tracked(step=step, examples=minimum.n, total=self.followed.total)
        numbers = numbers.model_copy(update=_gap(self.followed, data))
        if steps is not None:
            numbers = numbers.model_copy(update=self._edge(operator, steps, pairs, rates, step))
        numbers = numbers.model_copy(update=self._boundary(minimum, pairs))
        return Measured(pairs, trace, error, numbers)

    def _edge(
        self, operator: Operator, steps: Stepping, pairs: Pairs, rates: float, step: int
    ) -> dict[str, object]:
        """λ₁ as steps see it beside their limit, and the soft rank in the same metric."""
        seen = steps.seen(operator, self.followed.minimum.theta)
        own = pairs
        if seen is not operator:
            own = top_pairs(seen, self.before_seen, count=1, seed=self.seed + step)
            self.before_seen = own.vectors
        found: dict[str, object] = {
            "lr": steps.lr,
            "sharpness": float(own.values[0]) + steps.shift,
            "sharpness_least": self._on_others(steps, own.vectors[:1]),
            "limit": steps.limit,
            "limit_words": steps.words,
        }
        ridge = steps.shift + (1 / rates if rates > 0 else 0.0)
        if steps.inside is not None or ridge <= 0:
            return found  # no one λ stands for weight decay
        minimum = self.followed.minimum
        ranked = _without(lambda: soft_rank(minimum, ridge, steps.scale, seed=self.seed))
        if ranked is None:  # a criterion that is no likelihood
            return found
        return found | {
            "soft_rank": ranked[0],
            "soft_rank_error": ranked[1],
            "soft_rank_at": ridge,
            "gap_expected": ranked[0] / self.followed.total,
        }

    def _on_others(self, steps: Stepping, direction: Tensor) -> float | None:
        """What the direction's curvature is on examples that it was not chosen for."""
        others = self.followed.others
        if others is None:
            return None
        seen = steps.seen(hessian(others), others.theta)
        return float((direction * seen.matmat(direction)).sum()) + steps.shift

    def _boundary(self, minimum: Minimum, pairs: Pairs) -> dict[str, object]:
        """Margins and G, where the loss has classes and inputs have distances."""
        found: dict[str, object] = {}
        if not minimum.loss.classifies:
            return found
        margins = _without(lambda: first_order_margins(minimum))
        if margins is not None and margins.numel():
            found = {"margin": float(margins.median()), "smallest_margin": float(margins.min())}
        aligned = _without(lambda: self._alignment(minimum, pairs))
        if aligned is not None:
            found |= {
                "g": aligned.g_at_epsilon,
                "epsilon": aligned.epsilon.value,
                "aligned": 1 - aligned.energy_outside,
            }
        return found

    def _alignment(self, minimum: Minimum, pairs: Pairs) -> Complexity | None:
        if minimum.n * minimum.dim > ALIGNED_NUMBERS:
            return None
        if self._chance is None:
            self._chance = float(random_max_alignment(minimum, seed=self.seed).mean())
        matrix = alignment_matrix(minimum, pairs.vectors)
        return complexity(matrix, dim=minimum.dim, epsilon=self._chance)


def first_order_margins(minimum: Minimum) -> Tensor:
    """Lead over slope of the points on the right side (m,): their distance to the boundary of the
    network linearised at each. Empty for inputs that are no real numbers with distances."""
    inputs = minimum.inputs
    if not inputs.is_floating_point() or inputs[0].numel() < 2:
        return inputs.new_empty(0)
    classes = logits_at(minimum, inputs).argmax(dim=1)
    right = classes == minimum.labels
    points, own = inputs[right].flatten(1), classes[right]
    if not len(points):
        return inputs.new_empty(0)
    lead, slope = ClassMap(minimum).difference(points, own, torch.full_like(own, -1))
    found = lead / slope.norm(dim=1)
    return found[found.isfinite()].double()


def _gap(followed: Followed, data: DataSummary) -> dict[str, object]:
    """Test minus training loss of the samples, with the error of both means."""
    if data.test is None or followed.opened.test is None:
        return {}
    minimum = followed.minimum
    errors = [
        _error(minimum, inputs, targets)
        for inputs, targets in ((minimum.inputs, minimum.targets), followed.opened.test)
    ]
    gap = data.test.loss - data.train.loss
    return {"gap": gap, "gap_error": float(sum(each**2 for each in errors) ** 0.5)}


def _error(minimum: Minimum, inputs: Tensor, targets: Tensor) -> float:
    losses = minimum.loss.of_data(targets).values(as_matrix(outputs_at(minimum, inputs)), targets)
    return float(losses.double().std()) / max(len(losses), 1) ** 0.5


def _without(compute: Callable[[], T]) -> T | None:
    """None where it does not apply to this network or these data."""
    try:
        return compute()
    except (ValueError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        return None
