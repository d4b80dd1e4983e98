"""The boundary of a token classifier: which next tokens change along θ + ε v_k, and who pulls.

A label at every position has no boundary among inputs, which are words; it has one in the weights.
A token flips where the likeliest one at its position is another than at θ. Its pull on v is
∂ℓ/∂ε of its own loss, in nats a unit of ε: at a minimum the pulls of all tokens cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.boundary.classification import parameter_vectors
from minimascope.boundary.walk import reach_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.positions import Positions, positions_of
from minimascope.curvature.running.memory import out_of_memory
from minimascope.objective.tokens import TokenCrossEntropy

RISE = 1.0  # nats that the loss should have risen by at both ends


@dataclass(frozen=True)
class TokenWalk:
    """At θ + epsilon[j]·v, epsilon (s,) symmetric about 0: training loss, share of right tokens,
    share of tokens that flipped and the loss's standard deviation over sequences, each (s,)."""

    epsilon: Tensor
    loss: Tensor
    accuracy: Tensor
    flipped: Tensor
    loss_spread: Tensor


def token_walk(minimum: Minimum, vector: Tensor, *, eigenvalue: float, points: int) -> TokenWalk:
    """Walks along a unit `vector` (p,) until the loss should have risen by RISE."""
    direction, theta = parameter_vectors(minimum, vector)[0], minimum.theta

    def at(place: Tensor) -> Positions:
        loss = minimum.loss
        assert isinstance(loss, TokenCrossEntropy)
        return positions_of(minimum, loss, minimum.inputs, minimum.targets, place)

    def mean(place: Tensor) -> float:
        return float(at(place).values.mean())

    reach = reach_of(theta, direction, eigenvalue, RISE, mean)
    epsilon = torch.linspace(-reach, reach, points + 1 - points % 2, dtype=torch.float64)
    start, steps = at(theta).likeliest, [step * direction for step in epsilon.tolist()]
    rows = [_measured(at(theta + step), minimum.targets, start) for step in steps]
    return TokenWalk(epsilon, *torch.tensor(rows, dtype=torch.float64).unbind(dim=1))


def _measured(found: Positions, targets: Tensor, start: Tensor) -> list[float]:
    """Mean loss, share right, share flipped, standard deviation of the loss over sequences."""
    counted = found.counted
    right, moved = found.likeliest == targets, found.likeliest != start
    spread = found.values.std(correction=min(1, len(found.values) - 1))
    shares = [float(each[counted].double().mean()) for each in (right, moved)]
    return [float(found.values.mean()), *shares, float(spread)]


def token_pulls(minimum: Minimum, vectors: Tensor) -> Tensor | None:
    """Pulls (k × n × T) of every token along unit vectors (k × p), NaN where no label counts.

    None where the network has no forward-mode derivative.
    """
    rows = [_pulls(minimum, v) for v in parameter_vectors(minimum, vectors)]
    found = [each for each in rows if each is not None]
    return torch.stack(found) if len(found) == len(rows) > 0 else None


def _pulls(minimum: Minimum, vector: Tensor) -> Tensor | None:
    loss = minimum.loss
    assert isinstance(loss, TokenCrossEntropy)
    counted, found = loss.counts(minimum.targets), list[Tensor]()
    labels = minimum.targets.masked_fill(~counted, 0)
    # Copies: the tangent of a view of θ is as large as θ, for every parameter.
    here = {name: each.clone() for name, each in minimum.unflatten(minimum.theta).items()}
    along = {name: each.clone() for name, each in minimum.unflatten(vector).items()}
    for i in range(minimum.n):
        row = slice(i, i + 1)

        def losses(q: dict[str, Tensor], row: slice = row) -> Tensor:
            logits = functional_call(minimum.network, q, (minimum.inputs[row],))
            own = logits.gather(2, labels[row][..., None])[..., 0]
            told: Tensor = logits.logsumexp(2) - own
            return told

        try:
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
                found.append(jvp(losses, (here,), (along,))[1])
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            return None
    return torch.cat(found).masked_fill(~counted, torch.nan)
