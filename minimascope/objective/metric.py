"""The optimiser's metric: what training amounts to, as a ridge P + D/T beside the curvature.

P is the penalty's diagonal, D what the optimiser divides its steps by (1 for SGD, √v̂ + ε for Adam
and AdamW, whose decoupled decay is wd·D), T the training time. Curves over λ scale the whole of it:
A(s) = GGN + s·(P + D/T). In the coordinates R^(½)θ with R = (P + D/T)/λ_eff that is GGN + λI with
λ = s·λ_eff, so that every route stays as it is (docs/mathematics.md, section 7).

What training cannot see (a bias in front of a BatchNorm) stays where it is, whoever is left out:
R^(−½) is 0 there, and the parameter is in no route any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.objective.damping import Damping, damping_sentence, unknown_sentence
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser

# Of the median: D below is as if its gradients had been zero by accident.
SMALLEST_STEP = 1e-3
# Of the largest weight decay: parameters without any have this much at a minimum. Leave-one-out
# moved by 0.1% and 0.2% with 1e-4 and 1e-6; far below, biases of units that died move without end.
NO_DECAY = 1e-5
SMALLEST_RIDGE = 1e-6
CONVERGED = 0.05  # ‖∇L + Pθ‖ over ‖Pθ‖
# ‖∇L + Pθ‖ that is none: where decay took all weights away, ‖Pθ‖ itself goes to nothing.
VANISHED = 1e-7


@dataclass(frozen=True)
class Flow:
    """Gradient flow stopped after `time`: (1 − e^(−μT))/μ in place of 1/(μ + 1/T).

    μ are the eigenvalues of D^(−½)(GGN + P)D^(−½). Where P/D is one number, `decay`, they are those
    of the scaled GGN plus it. Else root is D^(−½) and added P/D, both (p,).
    """

    time: float
    decay: float
    root: Tensor | None = None
    added: Tensor | None = None

    def weights(self, values: Tensor) -> Tensor:
        """(1 − e^(−μT))/μ at eigenvalues of the flow's matrix, less `decay` where P/D is that."""
        mu = values.clamp_min(0) + (self.decay if self.added is None else 0.0)
        return torch.where(mu > 0, -torch.expm1(-mu * self.time) / mu, self.time)

    def averaged(self, value: float) -> Flow:
        """As if P/D were one number, in the coordinates where the ridge is `value`.

        Its part of P + D/T, averaged over parameters; the ridge is the same.
        """
        if self.added is None:
            return self
        share = float((self.added / (self.added + 1 / self.time)).mean())
        return Flow(1 / (value * (1 - share)), value * share)


@dataclass(frozen=True)
class Metric:
    """Ridge and flow of one objective at its weights.

    penalty (p,) P; root (p,) R^(−½), None where R = 1, 0 where training sees nothing; flow None at
    a minimum or without T; proportion: λ with P = λR, None where there is no such number.
    """

    damping: Damping
    penalty: Tensor
    known: bool
    root: Tensor | None
    flow: Flow | None
    proportion: float | None

    def scaled(self, rows: Tensor) -> Tensor:
        """(..., p) gradients, or rows of J, in the coordinates of the metric."""
        return rows if self.root is None else rows * self.root.to(rows)

    @property
    def newton_ridge(self) -> float | None:
        """λ of P for the Newton decrement, which stays above 1e-6: curvature alone may be singular.

        None where the penalty is not known or no multiple of the ridge.
        """
        if self.proportion is None or not self.known:
            return None
        return max(self.proportion, SMALLEST_RIDGE)

    def regularised(self, gradient: Tensor, theta: Tensor) -> Tensor:
        """∇L + Pθ (p,)."""
        return gradient + self.penalty * theta

    def without(self, unseen: Tensor) -> Metric:
        """The same with some parameters (p,) held where they are."""
        flow = self.flow
        if flow is not None and flow.added is not None:
            flow = replace(flow, root=_held(flow.root, unseen, self.penalty))
        return replace(self, root=_held(self.root, unseen, self.penalty), flow=flow)


def step_sizes(optimiser: Optimiser, second_moment: Tensor, unseen: Tensor | None = None) -> Tensor:
    """D = √v̂ + ε (p,), floored at a thousandth of its median over what training sees."""
    D = second_moment.clamp_min(0).sqrt() + optimiser.eps
    seen = D if unseen is None or bool(unseen.all()) else D[~unseen]
    return D.clamp_min(SMALLEST_STEP * float(seen.median()))


def share_left(gradient: Tensor, pull: Tensor) -> float | None:
    """‖∇L + Pθ‖ over ‖Pθ‖, 0 where the gradient has vanished; None without a penalty."""
    size, left = float(pull.norm()), float((gradient + pull).norm())
    if size == 0:
        return None
    return left / size if left > VANISHED else 0.0


def is_converged(gradient: Tensor, pull: Tensor) -> bool:
    """‖∇L + Pθ‖ < 0.05 ‖Pθ‖."""
    share = share_left(gradient, pull)
    return share is not None and share < CONVERGED


def metric_of(
    objective: Objective,
    decays: Tensor,
    theta: Tensor,
    gradient: Tensor,
    D: Tensor | None,
    unseen: Tensor | None = None,
) -> Metric:
    """The metric at θ (p,) with ∇L and weight decays (p,); D (p,), None for 1.

    unseen (p,): what has no derivative in training, None where there is nothing. At a minimum of
    the network as it is evaluated it was that which was trained, and everything was seen.
    """
    optimiser = objective.optimiser
    P = decays * D if D is not None and optimiser.decoupled else decays
    ratio = decays if D is None or optimiser.decoupled else decays / D
    converged = is_converged(gradient, P * theta)
    early = None if converged else optimiser.early_stopping
    root = None if D is None else D.rsqrt()
    told = objective.penalty.known
    unknown = Damping(None, unknown_sentence(objective.penalty, optimiser), False)
    found = Metric(unknown, P, told, root, None, _one(ratio) if told else None)
    if early is not None or float(ratio.max()) > 0:
        found = _ridge(found, objective, ratio, D, early)
    if unseen is not None and not converged:
        found = found.without(unseen)
    if converged or early is not None:
        return found
    return replace(found, damping=replace(unknown, value=found.damping.value))


def _ridge(
    found: Metric, objective: Objective, ratio: Tensor, D: Tensor | None, early: float | None
) -> Metric:
    """`found` with λ_eff, coordinates and flow; ratio is P/D, early 1/T or None where P is all."""
    optimiser = objective.optimiser
    if early is None:
        ratio = ratio.clamp_min(NO_DECAY * float(ratio.max()))
    decay = _one(ratio)
    coupled = D is not None and not optimiser.decoupled
    typical = float(ratio.median() if coupled else ratio.max()) if decay is None else decay
    value = typical if early is None else typical + early
    R = None
    if decay is None:
        R = (ratio + (early or 0.0)) / value
    if D is not None:
        R = D if R is None else R * D
    time = optimiser.training_time
    flow = None
    if early is not None:
        assert time is not None
        root = None if decay is not None or D is None else D.rsqrt()
        flow = Flow(time, typical, root, None if decay is not None else ratio)
    metric = _words(objective, uniform=decay is not None)
    source = damping_sentence(
        objective.penalty, optimiser, value, converged=early is None, metric=metric
    )
    return replace(
        found,
        damping=Damping(value, source, True, early is None, time, metric),
        root=None if R is None else R.rsqrt(),
        flow=flow,
        proportion=decay if early is not None or decay is not None else value,
    )


def _held(root: Tensor | None, unseen: Tensor, like: Tensor) -> Tensor:
    return (torch.ones_like(like) if root is None else root).masked_fill(unseen, 0.0)


def _one(ratio: Tensor) -> float | None:
    """The number that all are, None where they differ."""
    first = float(ratio[0])
    return first if bool((ratio == ratio[0]).all()) else None


def _words(objective: Objective, *, uniform: bool) -> str:
    said: list[str] = []
    if objective.optimiser.adaptive:
        said.append("in the metric √v̂ + ε of its steps")
    if not uniform and not (objective.optimiser.adaptive and not objective.optimiser.decoupled):
        said.append("where weight decay is less, so is the ridge")
    return " and ".join(said)
