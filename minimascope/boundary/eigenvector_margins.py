"""Margin estimate of arXiv 2306.07104 for every eigenvector, made checkable.

The published estimate is ‖x_t − x_b‖ with x_b an input whose gradient is parallel to v_k and x_t
a training point of extremal A_k; nothing ties x_b to the boundary. Here x_b is searched from
many starts, starts without a direction or of low cos² are dropped, and x_b is moved onto the
boundary, which makes the estimate an upper bound on the margin of x_t
(docs/mathematics.md, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.certified_search import CertifiedSearch
from minimascope.boundary.classification import parameter_vectors, require_classification
from minimascope.boundary.input_search import most_parallel_inputs
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import single

_LEAST_COS2 = 0.1
_NEAR_BEST = 0.5


@dataclass(frozen=True)
class EigenvectorMargin:
    """Estimate for vector k (1-based); None where no start was kept.

    estimate: distance from a training point of extremal A_k to x_b on the boundary, the smallest
    over kept starts; cos2 = A_k(x_b)² and logit_gap (top minus second) where the search ended;
    moved: how far x_b then was from the boundary point used; training_point its row in the data;
    end (input shape) that boundary point.
    """

    k: int
    estimate: float | None
    cos2: float | None
    logit_gap: float | None
    moved: float | None
    starts_kept: int
    training_point: int | None = None
    end: Tensor | None = None


def eigenvector_margins(
    minimum: Minimum,
    vectors: Tensor,
    alignment: Tensor,
    *,
    starts: int = 16,
    steps: int = 300,
    seed: int = 0,
) -> list[EigenvectorMargin]:
    """Margin estimates for vectors (k, p), with `alignment` (k, n) of the training points.

    A start is kept if its cos² is at least 0.1 and at least half the best of its vector. Raises
    ValueError for regression, inputs that are not floating point, and mismatched shapes.
    """
    require_classification(minimum)
    vectors = parameter_vectors(minimum, vectors)
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    if alignment.shape != (vectors.shape[0], minimum.n):
        raise ValueError(
            f"Alignments of shape {tuple(alignment.shape)} do not fit {vectors.shape[0]} vectors "
            f"and {minimum.n} training points."
        )
    if not minimum.inputs.is_floating_point():
        raise ValueError(f"Margins need real-valued inputs; these are {minimum.inputs.dtype}.")
    extremal = _extremal_points(alignment)
    generator = torch.Generator().manual_seed(seed)
    begin = _starts(minimum, extremal, starts, generator)
    quick = single(minimum)
    ascended = most_parallel_inputs(
        quick, vectors.to(quick.theta), begin.to(quick.inputs), steps=steps
    )
    found, cos2 = (each.to(minimum.inputs) for each in ascended)
    kept = _kept(cos2)
    search = CertifiedSearch.of(minimum, norm="l2", generator=generator)
    # One search for the kept starts of all vectors: small batches would cost as much each.
    flat = found[kept].flatten(1)
    ends = search.ends(flat, rounds=6)
    own = search.surface.classes(flat)
    landed = _Landed(flat, ends, cos2[kept], search.surface.lead(flat, own))
    owner = kept.nonzero()[:, 0]
    reached = ends.isfinite().all(dim=1)
    return [
        _measure(minimum, index, extremal[index], landed.rows((owner == index) & reached))
        for index in range(len(vectors))
    ]


@dataclass(frozen=True)
class _Landed:
    """Inputs where the search ended (m, d), their boundary points, cos² and logit gaps."""

    inputs: Tensor
    ends: Tensor
    cos2: Tensor
    logit_gap: Tensor

    def rows(self, mask: Tensor) -> _Landed:
        return _Landed(self.inputs[mask], self.ends[mask], self.cos2[mask], self.logit_gap[mask])


def _extremal_points(alignment: Tensor) -> Tensor:
    """Training rows of largest and smallest alignment, (k, 2)."""
    high = alignment.nan_to_num(nan=-torch.inf).argmax(dim=1)
    low = alignment.nan_to_num(nan=torch.inf).argmin(dim=1)
    return torch.stack([high, low], dim=1)


def _starts(minimum: Minimum, extremal: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Starts (k, count, ...): points between the two extremal inputs, then training inputs."""
    if count < 1:
        raise ValueError(f"{count} starts were asked for; at least 1 is needed.")
    inputs, shape = minimum.inputs, minimum.inputs.shape[1:]
    between = count // 2
    share = (torch.arange(between).to(inputs) + 0.5) / max(between, 1)
    share = share.view(1, -1, *[1 for _ in shape])
    high, low = inputs[extremal[:, 0]][:, None], inputs[extremal[:, 1]][:, None]
    rows = torch.randint(minimum.n, (extremal.shape[0], count - between), generator=generator).to(
        inputs.device
    )
    return torch.cat([low + share * (high - low), inputs[rows]], dim=1)


def _kept(cos2: Tensor) -> Tensor:
    best = cos2.amax(dim=1, keepdim=True)
    return (cos2 >= _LEAST_COS2) & (cos2 >= _NEAR_BEST * best)


def _measure(minimum: Minimum, index: int, extremal: Tensor, landed: _Landed) -> EigenvectorMargin:
    if not len(landed.ends):
        return EigenvectorMargin(index + 1, None, None, None, None, 0)
    distances = torch.cdist(landed.ends, minimum.inputs[extremal].flatten(1))
    start, which = divmod(int(distances.argmin()), 2)
    end = landed.ends[start]
    return EigenvectorMargin(
        k=index + 1,
        estimate=float(distances[start, which]),
        cos2=float(landed.cos2[start]),
        logit_gap=float(landed.logit_gap[start]),
        moved=float(torch.linalg.vector_norm(end - landed.inputs[start])),
        starts_kept=len(landed.ends),
        training_point=int(extremal[which]),
        end=end.reshape(minimum.inputs.shape[1:]),
    )


def disagreement(closest: float | None, estimates: list[EigenvectorMargin]) -> str | None:
    """A sentence where the smallest estimate and the closest crossing differ by > ×2."""
    known = [margin for margin in estimates if margin.estimate is not None]
    if closest is None:
        return None
    if not known:
        return (
            "No eigenvector gave a margin estimate: no start reached an input aligned with one. "
            "Use the closest crossings."
        )
    best = min(known, key=lambda margin: margin.estimate or 0.0)
    estimate = best.estimate or 0.0
    if closest <= 2 * estimate and estimate <= 2 * closest:
        return None
    return (
        f"The smallest eigenvector estimate ({estimate:.3g}, v{best.k}) and the "
        f"closest crossing ({closest:.3g}) differ by more than a factor 2: the "
        "estimate looks at extremal points of a few eigenvectors only. Use the closest crossings."
    )
