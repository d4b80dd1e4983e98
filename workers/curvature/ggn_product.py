"""GGN times a block of vectors, without ever forming J."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum

Product = Callable[[Tensor], Tensor]

CHUNK = 512
ELEMENTS = 2 * 10**7


def ggn_product(minimum: Minimum, likelihood: Likelihood) -> Product:
    """The map V (c × p) ↦ V·GGN (c × p); one forward- and one reverse-mode pass a data chunk."""
    theta = minimum.theta
    Lambda = likelihood.curvature

    def on_chunk(inputs: Tensor, L: Tensor, V: Tensor) -> Tensor:
        def f(q: Tensor) -> Tensor:
            return minimum.logits(q, inputs).reshape(inputs.shape[0], -1)

        def forward(v: Tensor) -> Tensor:
            return jvp(f, (theta,), (v,))[1]

        back = vjp(f, theta)[1]

        def backward(u: Tensor) -> Tensor:
            return back(u)[0]

        JV = vmap(forward)(V)
        return vmap(backward)(torch.einsum("nkl,cnl->cnk", L, JV))

    def product(V: Tensor) -> Tensor:
        total = torch.zeros_like(V)
        # vmap multiplies activations by the number of vectors: bound the product of the two.
        columns = max(1, ELEMENTS // minimum.dim)
        for inputs, L in zip(minimum.inputs.split(CHUNK), Lambda.split(CHUNK), strict=True):
            for out, part in zip(total.split(columns), V.split(columns), strict=True):
                out += on_chunk(inputs, L, part)
        return total / likelihood.n

    return product
