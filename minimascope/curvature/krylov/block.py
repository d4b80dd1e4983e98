"""One Krylov kernel: (block) Lanczos with full reorthogonalisation and Rayleigh–Ritz projection.

The state holds an orthonormal basis Q, the projection T = Q H Qᵀ, and the next block, which spans
what H Q leaves outside Q. With blocks of one vector this is Lanczos; with wide blocks it exhausts
the range of a low-rank matrix. T is filled from the coefficients that reorthogonalisation computes
anyway, so that a thick restart (Ritz vectors in place of Q) needs no case of its own.
Source: Wu and Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minimascope.curvature.products.long_sums import inner, norms, outside
from minimascope.curvature.products.operator import Operator

ROUNDING = 450  # machine epsilons; in float64 1e-13


def zero_level(dtype: torch.dtype) -> float:
    """Relative to |λ1|, what products cannot tell from zero: 1e-13 in float64, 5e-5 in float32."""
    return ROUNDING * torch.finfo(dtype).eps


@dataclass
class Krylov:
    """Basis (m, p) rows, projection (m, m), next block (b, p), and its coupling (b, b') to T.

    `images` are H times the rows of the basis, until there are more rows than it has: residuals
    are recomputed from them without another product. `width` is that of the first block; while not
    `restarted`, basis[:width] is that block.
    """

    basis: Tensor
    projection: Tensor
    block: Tensor
    coupling: Tensor
    scale: float = 0.0
    size: int = 0
    width: int = 1
    restarted: bool = False
    images: Tensor | None = None

    @property
    def rows(self) -> Tensor:
        """The basis so far, (size, p)."""
        return self.basis[: self.size]


def random_rows(operator: Operator, *, width: int, seed: int) -> Tensor:
    """Random orthonormal rows (width, p)."""
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    width = min(width, operator.dim)
    return orthonormal_rows(torch.randn(width, operator.dim, generator=generator, **like))


def krylov_space(first: Tensor, *, capacity: int, images: int = 0) -> Krylov:
    """An empty basis for at most `capacity` vectors, with a first block of orthonormal rows.

    Images are kept while the basis has at most `images` vectors.
    """
    width, dim = first.shape
    capacity = min(capacity, dim)
    empty = first.new_empty(capacity, dim)
    # NumPy's zeros are pages that nobody has touched: few runs need more than a corner of them.
    square = torch.from_numpy(np.zeros((capacity, capacity)))
    coupling = torch.zeros(0, 0, dtype=torch.float64)
    second = first.new_empty(min(images, capacity), dim) if images else None
    return Krylov(empty, square, first, coupling, width=width, images=second)


def expand(operator: Operator, state: Krylov) -> None:
    """Moves the next block into the basis and multiplies it: one product a vector of the block."""
    width = min(state.block.shape[0], state.basis.shape[0] - state.size)
    block = state.block[:width]
    images = operator.matmat(block)
    first, state.size = state.size, state.size + width
    state.basis[first : state.size] = block
    if state.images is not None and state.size > len(state.images):
        state.images = None
    if state.images is not None:
        state.images[first : state.size] = images
    # Once here, once more after QR (`_deflate`): twice is enough (Kahan–Parlett).
    coefficients = inner(images, state.rows)
    rest = images - coefficients @ state.rows
    projected = coefficients.T.double().cpu()
    state.projection[: state.size, first : state.size] = projected
    state.projection[first : state.size, : state.size] = projected.T
    state.scale = max(state.scale, float(coefficients.norm(dim=1).max()))
    state.block, state.coupling = _deflate(rest, state)


def _split(images: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (b, m) in the basis and the rest (b, p); twice is enough (Kahan–Parlett)."""
    coefficients = inner(images, rows)
    rest = images - coefficients @ rows
    correction = inner(rest, rows)
    return coefficients + correction, rest - correction @ rows


def _deflate(rest: Tensor, state: Krylov) -> tuple[Tensor, Tensor]:
    """Orthonormal rows spanning `rest`, without directions that are rounding, and rest's coupling.

    rest = couplingᵀ block up to what was dropped.
    """
    floor = zero_level(rest.dtype) * state.scale
    if rest.shape[0] == 1:
        norm = norms(rest)[0]
        if float(norm) <= floor:
            return rest[:0], torch.zeros(0, 1, dtype=torch.float64)
        row = rest / norm
        row = outside(state.rows, row)
        return row / norms(row)[:, None], norm.reshape(1, 1).double().cpu()
    factor, triangle = torch.linalg.qr(rest.T)
    left, values, right = torch.linalg.svd(triangle.cpu())
    keep = values > floor
    rows = left[:, keep].T.to(rest.device) @ factor.T
    # Small singular directions come out of QR with lost orthogonality to the basis.
    rows = orthonormal_rows(outside(state.rows, rows)) if keep.any() else rows
    return rows, (values[keep, None] * right[keep]).double()


def orthonormal_rows(rows: Tensor) -> Tensor:
    """An orthonormal basis of the rows (b, p)."""
    rows = torch.linalg.qr(rows.T)[0].T.contiguous()
    return rows / norms(rows)[:, None]  # QR's own lengths are sums in float32


def ritz(state: Krylov) -> tuple[Tensor, Tensor, Tensor]:
    """Ritz values ascending (m,), their coordinates (m, m) as columns, residual norms (m,)."""
    values, coordinates = torch.linalg.eigh(state.projection[: state.size, : state.size])
    width = state.coupling.shape[1]
    tail = coordinates[state.size - width : state.size]
    return values, coordinates, (state.coupling @ tail).norm(dim=0)


def ritz_vectors(state: Krylov, coordinates: Tensor) -> Tensor:
    """Ritz vectors (k, p) of coordinate columns (m, k)."""
    return coordinates.T.to(state.basis) @ state.rows


def ritz_images(state: Krylov, coordinates: Tensor) -> Tensor | None:
    """H times the Ritz vectors (k, p), from products already done; None where not kept."""
    if state.images is None:
        return None
    return coordinates.T.to(state.basis) @ state.images[: state.size]


def refill(state: Krylov, operator: Operator, *, width: int, seed: int) -> float:
    """Replaces an empty block by what random probes find outside the basis.

    Returns the largest ‖(I − QᵀQ) H g‖ over Gaussian probes g ⊥ Q, an estimate of the Frobenius
    norm of the part of H not yet captured, and keeps those images as the next block.
    """
    probes = random_outside(state, operator, width=width, seed=seed)
    _, rest = _split(operator.matmat(probes), state.rows)
    # A random direction never aligns with an eigenvector: scale back to Gaussian length.
    left = float(rest.norm(dim=1).max()) * (operator.dim - state.size) ** 0.5
    if left > 0:
        state.block = orthonormal_rows(rest)
        state.block = orthonormal_rows(outside(state.rows, state.block))
    return left


def random_outside(state: Krylov, operator: Operator, *, width: int, seed: int) -> Tensor:
    """Random orthonormal rows (b, p) orthogonal to the basis."""
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    width = min(width, operator.dim - state.size)
    shape = (width, operator.dim)
    like = {"dtype": operator.dtype, "device": operator.device}
    _, rest = _split(torch.randn(shape, generator=generator, **like), state.rows)
    return orthonormal_rows(rest)


def thick_restart(state: Krylov, keep: Tensor) -> None:
    """Shrinks the basis to the Ritz vectors whose indices (into `ritz`) are in `keep`."""
    values, coordinates, _ = ritz(state)
    kept = keep.numel()
    width = state.coupling.shape[1]
    tail = coordinates[state.size - width : state.size, keep]
    if state.images is not None:
        state.images[:kept] = coordinates[:, keep].T.to(state.basis) @ state.images[: state.size]
    state.basis[:kept] = ritz_vectors(state, coordinates[:, keep])
    state.projection.zero_()
    state.projection[:kept, :kept] = torch.diag(values[keep])
    # H Yᵀ = Yᵀ Θ + blockᵀ (coupling · tail): every kept vector now couples to the next block.
    state.coupling = state.coupling @ tail
    state.size, state.restarted = kept, True
