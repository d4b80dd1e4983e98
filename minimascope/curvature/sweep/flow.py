"""Leave-one-out as gradient flow stopped after T has it: (1 − e^(−μT))/μ in place of 1/(μ + 1/T).

φ(u) = (1 − e^(−u))/u is a sum of seven complex resolvents on [0, ∞): the poles θ and residues α of
Chebyshev's rational approximation of e^(−u), of order 14 (Cody, Meinardus and Varga, 1969; digits
of Pusa, Nuclear Science and Engineering 169, 2011), give it as −2 Re Σ (α/θ)/(u + θ), to 12 digits.
So the band that serves every ridge serves the flow too, and no eigenvector is asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.sweep.band import Band
from minimascope.curvature.sweep.leave_one_out import leave_one_out
from minimascope.curvature.sweep.resolvent import Resolvent, units_at_a_time
from minimascope.curvature.sweep.result import Filtered
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow

POLES = torch.tensor(
    [
        -8.8977731864688888199 + 16.630982619902085304j,
        -3.7032750494234480603 + 13.656371871483268171j,
        -0.2087586382501301251 + 10.991260561901260913j,
        3.9933697105785685194 + 6.0048316422350373178j,
        5.0893450605806245066 + 3.5888240290270065102j,
        5.6231425727459771248 + 1.1940690463439669766j,
        2.2697838292311127097 + 8.4617379730402214019j,
    ],
    dtype=torch.complex128,
)
RESIDUES = torch.tensor(
    [
        -7.1542880635890672853e-5 + 1.4361043349541300111e-4j,
        9.4390253107361688779e-3 - 1.7184791958483017511e-2j,
        -3.7636003878226968717e-1 + 3.3518347029450104214e-1j,
        -2.3498232091082701191e1 - 5.8083591297142074004j,
        4.6933274488831293047e1 + 4.5643649768827760791e1j,
        -2.7875161940145646468e1 - 1.0214733999056451434e2j,
        4.8071120988325088907 - 1.3209793837428723881j,
    ],
    dtype=torch.complex128,
)
WEIGHTS = -2 * RESIDUES / POLES


class ComplexResolvent:
    """(T + zI)⁻¹ of a band at complex z (L,) by block elimination.

    Without pivoting between blocks: the imaginary part of every Schur complement keeps its sign
    (Higham, Mathematics of Computation 67, 1998).
    """

    def __init__(self, band: Band, shifts: Tensor) -> None:
        self._inverses: list[Tensor] = []
        self._below = [block.to(shifts.dtype) for block in band.below]
        for j, block in enumerate(band.diagonal):
            eye = torch.eye(block.shape[0], dtype=shifts.dtype, device=block.device)
            pivot = block + shifts[:, None, None] * eye
            if j:
                below = self._below[j - 1]
                pivot = pivot - below @ self._inverses[-1] @ below.mT
            self._inverses.append(torch.linalg.inv(pivot))

    def grams(self, rows: Tensor) -> Tensor:
        """Z_i (T + zI)⁻¹ Z_iᵀ (L × m × k × k) of m groups of k rows, m × k × dim."""
        m, k, _ = rows.shape
        sizes = [inverse.shape[-1] for inverse in self._inverses]
        total = self._inverses[0].new_zeros(self._inverses[0].shape[0], m, k, k)
        solved: Tensor | None = None
        for j, part in enumerate(rows.flatten(0, 1).mT.split(sizes)):
            right = part.to(total.dtype).expand(total.shape[0], -1, -1)
            if solved is not None:
                right = right - self._below[j - 1] @ solved
            solved = self._inverses[j] @ right
            left, image = (x.unflatten(2, (m, k)).permute(0, 2, 3, 1) for x in (right, solved))
            total += left @ image.mT
        return total


def filtered(resolvent: Resolvent, likelihood: Likelihood, flow: Flow) -> Filtered:
    """Leave-one-out of every unit with S_u from the flow; the resolvent's matrix is without the
    part `flow.decay` of μ."""
    shifts = (POLES / flow.time + flow.decay).to(resolvent.features.device)
    weights = WEIGHTS.to(shifts.device)[:, None, None, None]
    solver = ComplexResolvent(resolvent.band, shifts)
    parts: list[Tensor] = []
    rank = 0.0
    for copies, at, examples in units_at_a_time(resolvent, likelihood):
        each = resolvent.scaled_jacobian_gram(copies, at, solver, shifts)
        S = (weights * each).sum(dim=0).real
        found = leave_one_out(examples, S, copies=copies)
        parts.append(found.displacement)
        rank += float(found.rank.sum())
    return Filtered(rank, torch.cat(parts))
