"""What changes when the parameters change and the function does not.

Where a layer is followed by ReLU (or nothing but positively homogeneous maps), multiplying it by
a > 0 and the weights of the next layer by 1/a leaves every output as it is (Dinh et al., "Sharp
minima can generalize for deep nets", 2017). With θ' = Dθ the network is f(x; D⁻¹θ'), hence
H' = D⁻¹HD⁻¹ and g' = D⁻¹g exactly, and everything follows from the eigenvectors of H:
for V (r, p) spanning its range, V D⁻² Vᵀ = L Lᵀ gives Q = L⁻¹ V D⁻¹ with orthonormal rows,
H' = Qᵀ (Lᵀ Λ L) Q, an r × r problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from minimascope.boundary.complexity import Complexity, complexity
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import by_layer

_CHECKED = 64  # inputs on which the function is compared
_AGREE = {torch.float64: 1e-9, torch.float32: 1e-3}


@dataclass(frozen=True)
class Rescaling:
    """Places in θ that are multiplied by a, and by 1/a, without a change of the function."""

    layer: str
    next_layer: str
    up: list[slice]
    down: list[slice]

    def apply(self, theta: Tensor, factor: float) -> Tensor:
        """Dθ."""
        scaled = theta.clone()
        for place in self.up:
            scaled[..., place] *= factor
        for place in self.down:
            scaled[..., place] /= factor
        return scaled


@dataclass(frozen=True)
class Rescaled:
    """Measures of the rescaled minimum, exact where the eigenvectors given are."""

    factor: float
    lambda_max: float
    trace: float
    parameter_norm: float
    complexity: Complexity


def find_rescaling(minimum: Minimum) -> Rescaling | None:
    """The first two successive layers between which a factor can move, found by trying; else None.

    A pair counts where the logits of up to 64 training inputs agree to 1e-9 of the largest.
    """
    layers = by_layer(minimum.places)
    for (layer, up), (next_layer, following) in pairwise(layers.items()):
        down = [place.slice for place in following if place.role == "weight"]
        found = Rescaling(layer, next_layer, [place.slice for place in up], down)
        if down and _preserves(minimum, found):
            return found
    return None


def _preserves(minimum: Minimum, rescaling: Rescaling) -> bool:
    inputs, theta = minimum.inputs[:_CHECKED], minimum.theta
    with torch.no_grad():
        before = minimum.logits(theta, inputs)
        after = minimum.logits(rescaling.apply(theta, 2.0), inputs)
    return bool((before - after).abs().max() <= _AGREE[theta.dtype] * before.abs().max())


def rescaled_measures(
    minimum: Minimum,
    rescaling: Rescaling,
    eigenvalues: Tensor,
    eigenvectors: Tensor,
    gradients: Tensor,
    *,
    factors: Sequence[float],
    epsilon: float,
) -> list[Rescaled]:
    """Measures at every factor, from the eigenpairs (r,), (r, p) that span the range of H.

    `gradients` (n, p) are unit reinforcing gradients, rows NaN where there is none; `epsilon` the
    threshold of G, the same for all. About two r × r eigenproblems a factor, no Hessian product.
    """
    up, down = _columns(rescaling.up, minimum), _columns(rescaling.down, minimum)
    overlap = _overlaps(eigenvectors, up, down)
    towards = [eigenvectors[:, block] @ gradients[:, block].T for block in (up, down)]
    sizes = [gradients[:, block].square().sum(1) for block in (up, down)]
    found = []
    for factor in factors:
        # D⁻² is a⁻² on the first block, a² on the second and 1 elsewhere.
        more = (factor**-2 - 1, factor**2 - 1)
        identity = torch.eye(len(eigenvectors)).to(eigenvectors)
        gram = identity + more[0] * overlap[0] + more[1] * overlap[1]
        root = torch.linalg.cholesky(gram)
        inner = root.T @ (eigenvalues.to(root)[:, None] * root)
        values, rotations = torch.linalg.eigh(0.5 * (inner + inner.T))
        products = eigenvectors @ gradients.T + more[0] * towards[0] + more[1] * towards[1]
        norms = (1 + more[0] * sizes[0] + more[1] * sizes[1]).sqrt()
        alignment = rotations.T @ torch.linalg.solve_triangular(root, products, upper=False) / norms
        theta = rescaling.apply(minimum.theta, factor)
        found.append(
            Rescaled(
                factor=factor,
                lambda_max=float(values[-1]),
                trace=float(values.sum()),
                parameter_norm=float(torch.linalg.vector_norm(theta)),
                complexity=complexity(
                    alignment.clamp(-1, 1), dim=minimum.dim, epsilon=epsilon, curve=[epsilon]
                ),
            )
        )
    return found


def _columns(places: list[slice], minimum: Minimum) -> Tensor:
    every = torch.arange(minimum.dim)
    return torch.cat([every[place] for place in places])


def _overlaps(vectors: Tensor, up: Tensor, down: Tensor) -> list[Tensor]:
    """V Vᵀ over the columns of either block; over all columns it is the identity."""
    rest = torch.ones(vectors.shape[1], dtype=torch.bool)
    rest[torch.cat([up, down])] = False
    parts = [vectors[:, block] for block in (up, down, rest.nonzero()[:, 0])]
    # The widest block is what the others leave of the identity: mostly the cost of all three.
    widest = max(range(3), key=lambda which: parts[which].shape[1])
    grams = [part @ part.T if which != widest else None for which, part in enumerate(parts)]
    others = sum(gram for gram in grams if gram is not None)
    left = torch.eye(len(vectors)).to(vectors) - others
    return [left if gram is None else gram for gram in grams[:2]]
