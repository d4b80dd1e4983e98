"""Spectral density of H: all p eigenvalues, smoothed by a Gaussian, with unit mass.

The Gaussian has one width in asinh(λ/s): constant near zero, in proportion to |λ| far out, so that
one grid resolves both the bulk and outliers thousands of times larger.

Exact where every nonzero eigenvalue is known; otherwise the known pairs enter exactly and the
rest by stochastic Lanczos quadrature on the space orthogonal to them, whose probes share one Krylov
space (`krylov.block_quadrature`): a quarter of the products of chains of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from minimascope.curvature.krylov.block_quadrature import BLUR, block_quadrature
from minimascope.curvature.krylov.slq import ProbeSize, Quadrature, join
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import quick_hessian
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import Spectrum

GRID = 1024  # points
SPACINGS = 3.0  # bell width over grid spacing
REACH = 6.0  # the grid extends this many widths beyond the extreme eigenvalues
LINEAR = 1e-3  # of the largest |eigenvalue|: the bulk is resolved down to there


@dataclass(frozen=True)
class Density:
    """Density on `grid` (g,), per unit eigenvalue, with its standard error over probes.

    An eigenvalue λ is smeared over σ(λ) = width·√(λ² + linear²); `sigma` is σ(0). `probes` is None
    and the standard error 0 where the density is exact. `rules` give other spectral sums
    (`slq.spectral_sum`) from the same products, of functions that change over no less than σ.
    """

    grid: Tensor
    mean: Tensor
    standard_error: Tensor
    sigma: float
    probes: int | None
    method: str
    linear: float
    width: float
    rules: Quadrature | None = field(default=None, repr=False)


def spectral_density(
    minimum: Minimum,
    spectrum: Spectrum,
    size: ProbeSize = ProbeSize(),
    *,
    grid_size: int = GRID,
    run: Run = Run(),
) -> Density:
    """Density of the Hessian's p eigenvalues; at most probes·steps products unless it is exact,
    mostly a quarter of them.

    The Lanczos run behind `spectrum` is one of the probes where it was long enough. The others
    multiply in float32 or on matrix units where that changes their products by 5e-3 at the most
    (`precision.quick_hessian`); the method says so.

    ValueError for fewer than two probes (no standard error), for steps < 1 and for grid_size < 16.
    """
    _check(size, grid_size)
    if spectrum.complete:
        return _density(spectrum, minimum.dim, None, grid_size=grid_size)
    operator = spectrum.operator or hessian(minimum)
    quick = quick_hessian(minimum, operator, spectrum.known_eigenvectors, seed=run.seed)
    found = operator_density(quick.operator, spectrum, size, grid_size=grid_size, run=run)
    return replace(found, method=found.method + quick.sentence)


def operator_density(
    operator: Operator,
    spectrum: Spectrum,
    size: ProbeSize = ProbeSize(),
    *,
    grid_size: int = GRID,
    run: Run = Run(),
) -> Density:
    """`spectral_density` by deflated SLQ for any operator whose spectrum is partly known."""
    _check(size, grid_size)
    own = own_probe(spectrum, operator.dim, steps=size.steps)
    others = replace(size, probes=size.probes - (own is not None))
    rules = block_quadrature(operator, spectrum.known_eigenvectors, size=others, run=run)
    if own is not None:
        rules = join(own, rules)
    return _density(spectrum, operator.dim, rules, grid_size=grid_size)


def own_probe(spectrum: Spectrum, dim: int, *, steps: int) -> Quadrature | None:
    """The eigenpair run as a probe of at least ⅜·`steps` nodes, None where it is shorter.

    15 in place of 40 took 0.03 of what one probe differs from another from the density under the
    same bells (digits MLP, LeNet), and this is one probe of several.
    """
    if spectrum.rule is None or 8 * spectrum.rule[0].numel() < 3 * steps:
        return None
    nodes, weights = spectrum.rule
    rest = dim - spectrum.known_eigenvalues.numel()
    return Quadrature(nodes[None], weights[None], rest, steps)


def _check(size: ProbeSize, grid_size: int) -> None:
    if size.probes < 2:
        raise ValueError(f"{size.probes} probes give no standard error; ask for at least 2.")
    if size.steps < 1:
        raise ValueError(f"{size.steps} Lanczos steps were asked for; at least 1 is needed.")
    if grid_size < 16:
        raise ValueError(f"A density grid of {grid_size} points is too coarse; take at least 16.")


def _density(spectrum: Spectrum, dim: int, rules: Quadrature | None, *, grid_size: int) -> Density:
    axis = _axis(spectrum, rules, grid_size)
    known = spectrum.known_eigenvalues.double()
    peaks = _smoothed(axis, known, torch.ones_like(known))
    if rules is None:
        zeros = torch.tensor([float(dim - known.numel())], dtype=torch.float64)
        mean = (peaks + _smoothed(axis, torch.zeros(1).double(), zeros)) / dim
        error, method = torch.zeros_like(mean), f"Exact. {axis.sentence}"
        return Density(axis.grid, mean, error, axis.sigma, None, method, axis.linear, axis.width)
    samples = torch.stack(
        [
            (peaks + rules.dim * _smoothed(axis, nodes, weights)) / dim
            for nodes, weights in zip(rules.nodes, rules.weights, strict=True)
        ]
    )
    probes, steps = rules.probes, rules.steps
    error = samples.std(0) / probes**0.5
    method = (
        f"{known.numel()} known pairs exactly, the rest by {probes} probes orthogonal to them, "
        f"as finely as {steps} Lanczos steps each. {axis.sentence}"
    )
    mean = samples.mean(0)
    return Density(
        axis.grid, mean, error, axis.sigma, probes, method, axis.linear, axis.width, rules
    )


@dataclass(frozen=True)
class _Axis:
    """Grid uniform in asinh(λ/linear), where every eigenvalue has a bell of `width`."""

    grid: Tensor
    linear: float
    width: float

    @property
    def sigma(self) -> float:
        """Smoothing at zero, in units of the eigenvalues."""
        return self.width * self.linear

    @property
    def sentence(self) -> str:
        return f"Smoothed by σ(λ) = {self.width:.2g}·√(λ² + {self.linear:.2g}²)."


def _axis(spectrum: Spectrum, rules: Quadrature | None, size: int) -> _Axis:
    ends = [torch.zeros(1).double(), spectrum.known_eigenvalues, spectrum.eigenvalues]
    if rules is not None:
        ends.append(rules.nodes.reshape(-1))
    values = torch.cat([end.double() for end in ends])
    low, high = min(float(values.min()), spectrum.lambda_min), float(values.max())
    linear = _linear_range(values, rules)
    start, stop = math.asinh(low / linear), math.asinh(high / linear)
    span = (stop - start) or 1.0  # the zero matrix has no scale of its own
    width = SPACINGS * span / (size - 1 - 2 * REACH * SPACINGS)
    if rules is not None:
        width = max(width, BLUR / rules.steps)
    steps = torch.linspace(start - REACH * width, stop + REACH * width, size, dtype=torch.float64)
    return _Axis(linear * torch.sinh(steps), linear, width)


def _linear_range(values: Tensor, rules: Quadrature | None) -> float:
    """|λ| below which the axis is linear: LINEAR of the largest, or as fine as quadrature sees."""
    largest = float(values.abs().max())
    linear = LINEAR * largest
    if rules is not None:  # no detail below the bulk's own range
        linear = max(linear, float(rules.nodes.abs().max()))
    return linear or 1.0


def _smoothed(axis: _Axis, nodes: Tensor, weights: Tensor) -> Tensor:
    """Σ_j w_j × (bell at asinh(θ_j/linear)) on the grid, per unit eigenvalue: (g,)."""
    steps, places = torch.asinh(axis.grid / axis.linear), torch.asinh(nodes / axis.linear)
    distance = (steps[:, None] - places[None, :]) / axis.width
    bells = torch.exp(-0.5 * distance.square()) / (axis.width * math.sqrt(2 * math.pi))
    return (bells @ weights) / torch.sqrt(axis.grid.square() + axis.linear**2)
