"""The diagonal block of H of every layer: its top eigenpairs and its trace.

Traces of all layers come from the same probes: with random signs z, the sum of z ⊙ Hz over a layer
has the layer's trace as its mean (Hutchinson, 1990). The known pairs of H enter exactly, so that
only what is left of H adds variance. Where every nonzero pair of H is known, nothing is random
and no product is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import layer_indices
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator, restrict
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.route import WORK
from minimascope.curvature.spectrum.spectrum import Spectrum, operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

PROBES = 16
TOP_FIVE = Wanted(top_k=5, tolerance=1e-3, lowest=None, trace_probes=0)
PRODUCTS = 25  # that these take, about


@dataclass(frozen=True)
class LayerBlock:
    """One layer: eigenvalues (k,) descending, residuals ‖Bv − λv‖ over its largest |eigenvalue|.

    k = 0 where eigenvalues were left out; trace_standard_error is None where the trace is exact.
    """

    layer: str
    parameters: int
    eigenvalues: Tensor
    residuals: Tensor
    trace: float
    trace_standard_error: float | None


def layer_blocks(
    minimum: Minimum,
    spectrum: Spectrum,
    wanted: Wanted = TOP_FIVE,
    *,
    probes: int = PROBES,
    run: Run = Run(),
) -> list[LayerBlock]:
    """Blocks in θ order: about 25 products a layer, and `probes` for all traces together.

    Where that many products would take too long (`route.WORK`), traces alone. ValueError for
    fewer than two probes.
    """
    if probes < 2:
        raise ValueError(f"{probes} probes give no standard error; ask for at least 2.")
    operator = _known_part(spectrum, minimum.dim)
    layers = layer_indices(minimum.places)
    if not spectrum.complete:
        operator = spectrum.operator or hessian(minimum)
    traces = _traces(operator, spectrum, layers, probes=probes, seed=run.seed)
    affordable = operator.graph_bytes * PRODUCTS * len(layers) <= WORK
    blocks: list[LayerBlock] = []
    for name, indices in layers.items():
        run.progress(len(blocks) / len(layers), f"layer {name}")
        values = residuals = torch.empty(0, dtype=torch.float64)
        if affordable:
            block = restrict(operator, indices.to(operator.device))
            found = operator_spectrum(block, wanted, route="lanczos", run=Run(run.seed))
            values, residuals = found.eigenvalues, found.residuals
        blocks.append(LayerBlock(name, indices.numel(), values, residuals, *traces[name]))
    return blocks


def _known_part(spectrum: Spectrum, dim: int) -> Operator:
    """Σ λ v vᵀ over the known pairs."""
    vectors = spectrum.known_eigenvectors
    assert vectors is not None
    weights = spectrum.known_eigenvalues.to(vectors)

    def apply(rows: Tensor) -> Tensor:
        return ((rows @ vectors.T) * weights) @ vectors

    return Operator(apply, dim, vectors.dtype, vectors.device, "known part of the Hessian")


def _traces(
    operator: Operator, spectrum: Spectrum, layers: dict[str, Tensor], *, probes: int, seed: int
) -> dict[str, tuple[float, float | None]]:
    known = _known_diagonal(spectrum)
    if spectrum.complete:
        return {name: (float(known[indices].sum()), None) for name, indices in layers.items()}
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    signs = torch.randint(0, 2, (probes, operator.dim), generator=generator, **like) * 2 - 1
    part = _known_part(spectrum, operator.dim)
    samples = (signs * (operator.matmat(signs) - part.apply(signs))).double().cpu()
    return {
        name: _mean(samples[:, indices].sum(1) + known[indices].sum())
        for name, indices in layers.items()
    }


def _mean(samples: Tensor) -> tuple[float, float | None]:
    return float(samples.mean()), float(samples.std()) / samples.numel() ** 0.5


def _known_diagonal(spectrum: Spectrum) -> Tensor:
    """diag Σ λ v vᵀ over the known pairs, (p,)."""
    vectors = spectrum.known_eigenvectors
    assert vectors is not None
    squares = vectors.double().cpu().square()
    return spectrum.known_eigenvalues.double() @ squares
