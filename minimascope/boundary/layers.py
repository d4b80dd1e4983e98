"""Per-example gradients of fully connected networks in closed form.

For a linear layer with input a and backpropagated δ = ∂(rᵀf)/∂(output), the gradient of one
example is δ aᵀ for the weight and δ for the bias. Hence ‖g‖² = Σ_layers ‖δ‖²(‖a‖² + 1) and
g·v = Σ_layers δᵀ V a + δᵀ b, so neither a norm nor an alignment needs the p numbers of g.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimascope.boundary.classification import class_logits
from minimascope.boundary.residual import Residual, own_class_residual
from minimascope.curvature.layers.recorder import recorded
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import Place


@dataclass(frozen=True)
class DenseLayer:
    """One nn.Linear and where its trainable weight and bias lie in θ."""

    module: nn.Linear
    weight: Place | None
    bias: Place | None

    def split(self, vectors: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Weight part (k, out, in) and bias part (k, out) of vectors (k, p)."""
        return (
            None if self.weight is None else self.weight.of(vectors),
            None if self.bias is None else self.bias.of(vectors),
        )


@dataclass(frozen=True)
class LayerSweep:
    """One forward and backward pass over m inputs: a (m, in) and δ (m, out) for every layer.

    δ belongs to `residual.direction`; the true gradient is exp(log_scale) times larger.
    """

    residual: Residual
    activations: list[Tensor]
    deltas: list[Tensor]


def dense_layers(minimum: Minimum) -> list[DenseLayer] | None:
    """The layers in θ order if every trainable parameter belongs to a plain nn.Linear.

    None if the closed form does not hold: other layers with parameters, a layer used twice or
    not at all, shared weights, or layers that see more than one row for each example.
    """
    places = minimum.places
    layers: list[DenseLayer] = []
    for prefix, module in minimum.network.named_modules():
        if type(module) is nn.Linear:
            dot = f"{prefix}." if prefix else ""
            weight, bias = places.pop(f"{dot}weight", None), places.pop(f"{dot}bias", None)
            if weight is not None or bias is not None:
                layers.append(DenseLayer(module, weight, bias))
    if places or not layers:
        return None
    with recorded(layer.module for layer in layers) as calls, torch.no_grad():
        minimum.network(minimum.inputs[:2])
    used = [call.layer for call in calls]
    rows = min(2, minimum.n)
    once = len(used) == len(layers) and len(set(used)) == len(layers)
    flat = all(call.given[0].ndim == 2 and call.given[0].shape[0] == rows for call in calls)
    return layers if once and flat else None


def sweep(
    minimum: Minimum, layers: list[DenseLayer], inputs: Tensor, *, create_graph: bool = False
) -> LayerSweep:
    """Forward and backward over `inputs`; with `create_graph` differentiable in the inputs."""
    with recorded(layer.module for layer in layers) as calls, torch.enable_grad():
        logits = class_logits(minimum.network(inputs))
        residual = own_class_residual(logits if create_graph else logits.detach())
        seen = {call.layer: (call.given[0], call.output) for call in calls}
        pairs = [seen[layer.module] for layer in layers]
        deltas = torch.autograd.grad(
            logits,
            [out for _, out in pairs],
            grad_outputs=residual.direction.to(logits.dtype),
            create_graph=create_graph,
        )
    activations = [a if create_graph else a.detach() for a, _ in pairs]
    return LayerSweep(residual, activations, list(deltas))


def squared_norms(layers: list[DenseLayer], passed: LayerSweep) -> Tensor:
    """‖g‖² of the scale-free gradients, (m,)."""
    total = torch.zeros_like(passed.deltas[0][:, 0])
    for layer, a, delta in zip(layers, passed.activations, passed.deltas, strict=True):
        factor = torch.zeros_like(total) if layer.weight is None else a.square().sum(dim=1)
        if layer.bias is not None:
            factor = factor + 1
        total = total + delta.square().sum(dim=1) * factor
    return total


def products(layers: list[DenseLayer], passed: LayerSweep, vectors: Tensor) -> Tensor:
    """g·v_k of the scale-free gradients for vectors (k, p), shape (k, m)."""
    m, k = passed.deltas[0].shape[0], vectors.shape[0]
    total = vectors.new_zeros(m, k)
    for layer, a, delta in zip(layers, passed.activations, passed.deltas, strict=True):
        weight, bias = layer.split(vectors)
        if weight is not None:
            total += _bilinear(a, delta, weight)
        if bias is not None:
            total += delta @ bias.T
    return total.T


def _bilinear(a: Tensor, delta: Tensor, weight: Tensor) -> Tensor:
    """δᵀ V_k a for every example and k, (m, k); the cheaper of two orders of contraction."""
    k, out, width = weight.shape
    if width <= k or out <= k:
        outer = (delta[:, :, None] * a[:, None, :]).flatten(1)
        return outer @ weight.reshape(k, out * width).T
    mapped = (a @ weight.reshape(k * out, width).T).view(-1, k, out)
    return torch.matmul(mapped, delta[:, :, None])[:, :, 0]


def gradients(minimum: Minimum, layers: list[DenseLayer], passed: LayerSweep) -> Tensor:
    """Scale-free per-example gradients, (m, p)."""
    result = passed.deltas[0].new_empty(passed.deltas[0].shape[0], minimum.dim)
    for layer, a, delta in zip(layers, passed.activations, passed.deltas, strict=True):
        if layer.weight is not None:
            result[:, layer.weight.slice] = (delta[:, :, None] * a[:, None, :]).flatten(1)
        if layer.bias is not None:
            result[:, layer.bias.slice] = delta
    return result
