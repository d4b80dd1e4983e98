"""Spectral density of H: all p eigenvalues, smoothed by a Gaussian, with unit mass.

Exact where every nonzero eigenvalue is known; otherwise the known pairs enter exactly and the
rest by stochastic Lanczos quadrature on the space orthogonal to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.minimum import Minimum
from workers.curvature.operators import Operator, hessian
from workers.curvature.slq import Quadrature, quadrature
from workers.curvature.spectrum import Progress, Spectrum, silent

SPACINGS = 1.5  # σ over grid spacing: the trapezoidal mass is then 1 to rounding
REACH = 6.0  # the grid extends this many σ beyond the extreme eigenvalues


@dataclass(frozen=True)
class Density:
    """Density on `grid` (g,), per unit eigenvalue; `probes` is None where it is exact."""

    grid: Tensor
    mean: Tensor
    standard_error: Tensor
    sigma: float
    probes: int | None
    method: str


def spectral_density(
    minimum: Minimum,
    spectrum: Spectrum,
    *,
    probes: int = 8,
    steps: int = 40,
    seed: int = 0,
    grid_size: int = 1024,
    progress: Progress = silent,
) -> Density:
    """Density of the Hessian's p eigenvalues; `probes`·`steps` products unless it is exact.

    ValueError for fewer than two probes (no standard error), for steps < 1 and for grid_size < 16.
    """
    _check(probes=probes, steps=steps, grid_size=grid_size)
    if spectrum.complete:
        return _density(spectrum, minimum.dim, None, grid_size=grid_size)
    return operator_density(
        hessian(minimum),
        spectrum,
        probes=probes,
        steps=steps,
        seed=seed,
        grid_size=grid_size,
        progress=progress,
    )


def operator_density(
    operator: Operator,
    spectrum: Spectrum,
    *,
    probes: int = 8,
    steps: int = 40,
    seed: int = 0,
    grid_size: int = 1024,
    progress: Progress = silent,
) -> Density:
    """`spectral_density` by deflated SLQ for any operator whose spectrum is partly known."""
    _check(probes=probes, steps=steps, grid_size=grid_size)
    rules = quadrature(
        operator,
        spectrum.known_eigenvectors,
        probes=probes,
        steps=steps,
        seed=seed,
        progress=progress,
    )
    return _density(spectrum, operator.dim, rules, grid_size=grid_size)


def _check(*, probes: int, steps: int, grid_size: int) -> None:
    if probes < 2:
        raise ValueError(f"{probes} probes give no standard error; ask for at least 2.")
    if steps < 1:
        raise ValueError(f"{steps} Lanczos steps were asked for; at least 1 is needed.")
    if grid_size < 16:
        raise ValueError(f"A density grid of {grid_size} points is too coarse; take at least 16.")


def _density(spectrum: Spectrum, dim: int, rules: Quadrature | None, *, grid_size: int) -> Density:
    grid, sigma = _grid(spectrum, rules, grid_size)
    known = spectrum.known_eigenvalues.double()
    peaks = _smoothed(grid, known, torch.ones_like(known), sigma)
    if rules is None:
        zeros = torch.tensor([float(dim - known.numel())], dtype=torch.float64)
        mean = (peaks + _smoothed(grid, torch.zeros(1).double(), zeros, sigma)) / dim
        return Density(grid, mean, torch.zeros_like(mean), sigma, None, "Exact.")
    samples = torch.stack(
        [
            (peaks + rules.dim * _smoothed(grid, nodes, weights, sigma)) / dim
            for nodes, weights in zip(rules.nodes, rules.weights, strict=True)
        ]
    )
    probes, steps = rules.nodes.shape
    error = samples.std(0) / probes**0.5
    method = f"{known.numel()} known pairs exactly, the rest by {probes} probes of {steps} steps."
    return Density(grid, samples.mean(0), error, sigma, probes, method)


def _grid(spectrum: Spectrum, rules: Quadrature | None, size: int) -> tuple[Tensor, float]:
    """Uniform grid over all nodes and known eigenvalues, and σ in proportion to its spacing."""
    ends = [torch.zeros(1).double(), spectrum.known_eigenvalues, spectrum.eigenvalues]
    if rules is not None:
        ends.append(rules.nodes.reshape(-1))
    values = torch.cat([end.double() for end in ends])
    low = min(float(values.min()), spectrum.lambda_min)
    high = float(values.max())
    span = (high - low) or 1.0  # the zero matrix has no scale of its own
    spacing = span / (size - 1 - 2 * REACH * SPACINGS)
    sigma = SPACINGS * spacing
    start = low - REACH * sigma if high > low else low - span / 2
    return start + spacing * torch.arange(size, dtype=torch.float64), sigma


def _smoothed(grid: Tensor, nodes: Tensor, weights: Tensor, sigma: float) -> Tensor:
    """Σ_j w_j N(t; θ_j, σ) on the grid, (g,)."""
    distance = (grid[:, None] - nodes[None, :]) / sigma
    bells = torch.exp(-0.5 * distance.square()) / (sigma * math.sqrt(2 * math.pi))
    return bells @ weights
