"""What every route delivers to the gap estimates: quantities of A = GGN + λI at many λ.

L values of λ, m examples (all n on the exact routes, a random subset on the matrix-free one),
K logits. Everything downstream (soft rank, TIC, ALO, diagnostics) reads only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Part = Literal["rank", "quadratic", "displacement"]
# What an iterative route last changed a number by, relative to it, below which it says something.
STILL = 0.1


@dataclass(frozen=True)
class Filtered:
    """The same at λ_eff for gradient flow stopped after T: (1 − e^(−μT))/μ for 1/(μ + 1/T).

    rank of the m examples' leverages times n; displacement m × K as that of `Sweep`; averaged:
    whether P/D, which differs by parameter, was taken for one number.
    """

    rank: float
    displacement: Tensor
    averaged: bool = False


@dataclass(frozen=True)
class Sweep:
    """Functions of GGN + λI on ascending `lambdas` (L,).

    rank            (L,) soft rank Σ e/(e+λ); rank_error (L,) its standard error, None if exact
    half_logdet     (L,) ½ log det(I + GGN/λ)
    examples        (m,) indices of the examples below
    displacement    L × m × K, δf: logits of example i with i left out, minus logits (ALO)
    quadratic       (L, m) g_iᵀ A⁻¹ g_i; on the matrix-free route (L, probes) (Σ_i z_i g_i)ᵀ A⁻¹
                    (Σ_i z_i g_i)/n of random signs z, whose mean is that of the former
    mean_quadratic  (L,) ḡᵀ A⁻¹ ḡ
    leverage        (L, m) largest eigenvalue of Λ^{1/2} S_i Λ^{1/2}, below 1; None matrix-free
    newton          ½ gᵀ(GGN + ridge I)⁻¹ g of the regularised loss, None if no ridge was asked
    eigenvalues     all nonzero eigenvalues of the GGN where known
    numerical_error largest relative change of δf at λ_eff in the last steps of an iterative route
    changes         (L,) relative change in the last steps of an iterative route, of `rank`,
                    `quadratic` (and mean_quadratic) and `displacement`, infinite where too few
                    examples were drawn for a mean; None if exact
    filtered        what stopping after T, not a ridge, makes of it; None at a minimum reached
    products        GGN products of an iterative route, and the seconds of all its runs
    """

    lambdas: Tensor
    rank: Tensor
    rank_error: Tensor | None
    half_logdet: Tensor
    examples: Tensor
    displacement: Tensor
    quadratic: Tensor
    mean_quadratic: Tensor
    leverage: Tensor | None
    newton: float | None
    eigenvalues: Tensor | None
    method: str
    numerical_error: float = 0.0
    changes: Mapping[Part, Tensor] | None = None
    filtered: Filtered | None = None
    products: int | None = None
    seconds: float | None = None

    @property
    def settled(self) -> Tensor | None:
        """(L,) whether all of an iterative route stood still there, None if exact."""
        if self.changes is None:
            return None
        return torch.stack([*self.changes.values()]).amax(dim=0) < STILL

    def still(self, part: Part, row: int) -> bool:
        """Whether that part says anything at row `row`: it was not broken off on its way."""
        return self.changes is None or float(self.changes[part][row]) < STILL

    def at(self, lambda_: float) -> int:
        """Index of a λ that was asked for."""
        hits = (self.lambdas == lambda_).nonzero()
        if hits.numel() == 0:
            raise ValueError(f"λ = {lambda_} is not among the λ of this sweep.")
        return int(hits[0])
