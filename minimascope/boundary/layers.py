"""Per-example gradients of networks of linear and convolutional layers in closed form.

For a linear layer with input a and backpropagated δ = ∂(rᵀf)/∂(output), the gradient of one
example is δ aᵀ for the weight and δ for the bias. Hence ‖g‖² = Σ_layers ‖δ‖²(‖a‖² + 1) and
g·v = Σ_layers δᵀ V a + δᵀ b, so neither a norm nor an alignment needs the p numbers of g.

A convolution is a linear layer at many positions: G = Σ δ_l a_lᵀ over its windows a_l, a small
matrix that is formed for each example.
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
class ClosedLayer:
    """One nn.Linear or nn.Conv2d and where its trainable weight and bias lie in θ."""

    module: nn.Linear | nn.Conv2d
    weight: Place | None
    bias: Place | None

    def split(self, vectors: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Weight part (k, out, width) and bias part (k, out) of vectors (k, p)."""
        return (
            None if self.weight is None else self.weight.of(vectors).flatten(2),
            None if self.bias is None else self.bias.of(vectors),
        )

    def kept(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """a and δ; of a convolution G (m, out, width) and Σ δ_l (m, out)."""
        conv = self.module
        if isinstance(conv, nn.Linear):
            return a, delta
        assert not isinstance(conv.padding, str)
        windows = nn.functional.unfold(
            a, conv.kernel_size, conv.dilation, conv.padding, conv.stride
        )
        delta = delta.flatten(2)
        return delta @ windows.mT, delta.sum(2)


@dataclass(frozen=True)
class LayerSweep:
    """One forward and backward pass over m inputs: a (m, in) and δ (m, out) for every layer.

    Of a convolution G (m, out, width) stands for a, and δ is summed over positions.
    δ belongs to `residual.direction`; the true gradient is exp(log_scale) times larger.
    """

    residual: Residual
    activations: list[Tensor]
    deltas: list[Tensor]


def dense_layers(minimum: Minimum) -> list[ClosedLayer] | None:
    """The layers in θ order if every trainable parameter belongs to a plain nn.Linear, or None."""
    found = closed_layers(minimum)
    return found if found and all(type(each.module) is nn.Linear for each in found) else None


def closed_layers(minimum: Minimum) -> list[ClosedLayer] | None:
    """The layers in θ order if every trainable parameter belongs to an nn.Linear or nn.Conv2d.

    None if the closed form does not hold: other layers with parameters, a layer used twice or
    not at all, shared weights, layers that see more than one row for each example, convolutions
    in groups or with padding that is not of zeros.
    """
    places = minimum.places
    layers: list[ClosedLayer] = []
    for prefix, module in minimum.network.named_modules():
        if type(module) is nn.Linear or (isinstance(module, nn.Conv2d) and _is_plain(module)):
            dot = f"{prefix}." if prefix else ""
            weight, bias = places.pop(f"{dot}weight", None), places.pop(f"{dot}bias", None)
            if weight is not None or bias is not None:
                layers.append(ClosedLayer(module, weight, bias))
    if places or not layers:
        return None
    with recorded(layer.module for layer in layers) as calls, torch.no_grad():
        minimum.network(minimum.inputs[:2])
    used = [call.layer for call in calls]
    rows = min(2, minimum.n)
    once = len(used) == len(layers) and len(set(used)) == len(layers)
    axes = [2 if isinstance(call.layer, nn.Linear) else 4 for call in calls]
    flat = all(
        call.given[0].ndim == number and call.given[0].shape[0] == rows
        for call, number in zip(calls, axes, strict=True)
    )
    return layers if once and flat else None


def _is_plain(conv: nn.Conv2d) -> bool:
    zeros = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return type(conv) is nn.Conv2d and conv.groups == 1 and zeros


def sweep(
    minimum: Minimum, layers: list[ClosedLayer], inputs: Tensor, *, create_graph: bool = False
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
        kept = [
            layer.kept(a if create_graph else a.detach(), delta)
            for layer, (a, _), delta in zip(layers, pairs, deltas, strict=True)
        ]
    return LayerSweep(residual, [a for a, _ in kept], [delta for _, delta in kept])


def squared_norms(layers: list[ClosedLayer], passed: LayerSweep) -> Tensor:
    """‖g‖² of the scale-free gradients, (m,)."""
    total = torch.zeros_like(passed.deltas[0][:, 0])
    for layer, a, delta in zip(layers, passed.activations, passed.deltas, strict=True):
        if a.ndim == 3:
            size = 0.0 if layer.weight is None else a.square().sum(dim=(1, 2))
            total = total + size + (0.0 if layer.bias is None else delta.square().sum(dim=1))
            continue
        factor = torch.zeros_like(total) if layer.weight is None else a.square().sum(dim=1)
        if layer.bias is not None:
            factor = factor + 1
        total = total + delta.square().sum(dim=1) * factor
    return total


def products(layers: list[ClosedLayer], passed: LayerSweep, vectors: Tensor) -> Tensor:
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
    if a.ndim == 3:
        return a.flatten(1) @ weight.reshape(k, out * width).T
    if width <= k or out <= k:
        outer = (delta[:, :, None] * a[:, None, :]).flatten(1)
        return outer @ weight.reshape(k, out * width).T
    mapped = (a @ weight.reshape(k * out, width).T).view(-1, k, out)
    return torch.matmul(mapped, delta[:, :, None])[:, :, 0]


def gradients(minimum: Minimum, layers: list[ClosedLayer], passed: LayerSweep) -> Tensor:
    """Scale-free per-example gradients, (m, p)."""
    result = passed.deltas[0].new_empty(passed.deltas[0].shape[0], minimum.dim)
    for layer, a, delta in zip(layers, passed.activations, passed.deltas, strict=True):
        if layer.weight is not None:
            outer = a if a.ndim == 3 else delta[:, :, None] * a[:, None, :]
            result[:, layer.weight.slice] = outer.flatten(1)
        if layer.bias is not None:
            result[:, layer.bias.slice] = delta
    return result
