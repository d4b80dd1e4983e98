"""Leave-one-out of single examples under gradient flow, from products alone.

δf_i = S_i (I − Λ_iS_i)⁻¹ r_i with S_i = J_i φ(M) J_iᵀ/n: products with S_i are Lanczos runs started
at J_iᵀs, one an example in lockstep, and the K × K system is solved by conjugate gradients in
I − WᵀS_iW, W Wᵀ = Λ_i, which needs a few of them whatever K is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.curvature.krylov.lockstep import LanczosRuns, begin
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.sweep.deflated import DeflatedGgn, run_until_settled
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow

# Conjugate gradients end at this share of the first residual, or after so many products.
SMALL, MOST = 1e-4, 12
USUAL_PRODUCTS = 5  # with S_i, for the planner


@dataclass(frozen=True)
class SampledFlow:
    """Products with S_i of some examples, one each, in lockstep."""

    ggn: DeflatedGgn
    products: Ggn
    flow: Flow
    examples: Tensor
    n: int

    def times(self, seeds: Tensor) -> Tensor:
        """S_i s_i (m × K) of seeds (m × K)."""
        seen: list[Tensor] = []

        def product(V: Tensor) -> Tensor:
            image, own = self.products.with_own(V, self.examples)
            seen.append(own)
            return image if self.flow.added is None else image + self.flow.added.to(V) * V

        def value(runs: LanczosRuns) -> Tensor:
            images = torch.stack(seen, dim=2)
            return runs.image_of_function(images, self.flow.weights)[None] / self.n

        one = replace(self.ggn, lambdas=self.ggn.lambdas[:1], row=0)
        runs = begin(product, self.products.own_gradients(seeds, self.examples))
        what = f"flow of {self.examples.shape[0]} examples"
        found, _ = run_until_settled(
            one, runs, value, share=1.0, tolerance=self.ggn.tolerance, what=what
        )
        return found[0]


def flow_of(products: Ggn, flow: Flow) -> Ggn:
    """The GGN in the coordinates of the flow."""
    return products if flow.added is None else products.seen_with(flow.root)


def sampled_flow(ggn: DeflatedGgn, likelihood: Likelihood, flow: Flow, examples: Tensor) -> Tensor:
    """δf (m × K) of some examples under the flow."""
    chosen = likelihood.select(examples)
    kind = ggn.minimum.theta.dtype
    products = flow_of(ggn.products, flow)
    S = SampledFlow(ggn, products, flow, examples, likelihood.n)

    def times(seeds: Tensor) -> Tensor:
        return S.times(seeds.to(kind)).to(seeds)

    return _without_own(times, chosen.residual, chosen.half_curvature)


def _without_own(times: Callable[[Tensor], Tensor], r: Tensor, half: Tensor) -> Tensor:
    """S (I − ΛS)⁻¹ r (m × K) by conjugate gradients in I − WᵀSW, every example by itself."""
    total = times(r)
    residual = _pull(half, total)
    step, size = residual, residual.square().sum(1)
    first = size
    for _ in range(min(MOST, half.shape[2])):
        image = times((half @ step[:, :, None])[:, :, 0])
        bent = step - _pull(half, image)
        curvature = (step * bent).sum(1)
        a = torch.where(size > 0, size / curvature.clamp_min(torch.finfo(r.dtype).tiny), 0.0)
        total = total + a[:, None] * image
        residual = residual - a[:, None] * bent
        new = residual.square().sum(1)
        if bool((new <= SMALL**2 * first).all()):
            break
        step = residual + torch.where(size > 0, new / size.clamp_min(1e-300), 0.0)[:, None] * step
        size = new
    return total


def _pull(half: Tensor, x: Tensor) -> Tensor:
    """Wᵀx (m × w)."""
    return (half.mT @ x[:, :, None])[:, :, 0]
