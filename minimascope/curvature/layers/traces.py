"""What passed through each Linear, Conv2d and Embedding layer: inputs and ∂logits/∂output.

For such layers ∂f_k/∂[W b] = Σ_t s_kt [a_t; 1]ᵀ (a_t: input at position t, one-hot for an
embedding, whose weight is Wᵀ; s_kt: sensitivity of logit k), so K backward passes over the whole
data give every per-example Jacobian, the closed form of Θ = JJᵀ and the Kronecker factors.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.layers.recorder import Call, recorded
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.memory import out_of_memory


@dataclass(frozen=True)
class LayerTrace:
    """One layer on n examples with T positions (1 for a plain Linear).

    weight, bias  names in θ (bias None where the layer has none)
    inputs        n × T × d, with a last column of ones where there is a bias
    sensitivities n × K × T × o
    layer         its name
    transposed    the weight is d × o, as that of an embedding
    """

    weight: str
    bias: str | None
    inputs: Tensor
    sensitivities: Tensor
    layer: str
    transposed: bool = False

    @property
    def names(self) -> set[str]:
        """The parameters of θ it is about."""
        return {self.weight} | ({self.bias} if self.bias is not None else set())


Layer = nn.Linear | nn.Conv2d | nn.Embedding
# Inputs of an embedding are written out as one-hot vectors.
LARGEST_VOCABULARY = 4096
MANY_CLASSES = 64


def supported_layers(minimum: Minimum) -> dict[str, Layer]:
    """Linear, Conv2d and Embedding modules whose parameters are trainable and theirs alone."""
    trainable = set(minimum.names)
    found: dict[str, Layer] = {}
    for name, module in minimum.network.named_modules():
        if isinstance(module, Layer) and _is_plain(module):
            own = {f"{name}.{part}" if name else part for part, _ in module.named_parameters()}
            if own and own <= trainable:
                found[name] = module
    return found


def _is_plain(module: Layer) -> bool:
    if isinstance(module, nn.Embedding):
        changed = module.max_norm is not None or module.scale_grad_by_freq or module.sparse
        return module.num_embeddings <= LARGEST_VOCABULARY and not changed
    if isinstance(module, nn.Linear):
        return True
    return (
        module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def trace_layers(
    minimum: Minimum, inputs: Tensor, *, only: Collection[str] | None = None
) -> list[LayerTrace]:
    """Traces of every supported layer, or of those named, that ran exactly once on `inputs`."""
    # In the network's order whatever `only` is: sums over layers then round alike in every process.
    layers = {
        name: module
        for name, module in supported_layers(minimum).items()
        if only is None or name in only
    }
    with recorded(layers.values()) as calls, torch.enable_grad():
        logits = as_matrix(minimum.network(inputs))
    once = {name: call for name, layer in layers.items() if (call := _only_call(calls, layer))}
    # An input without examples, like the positions 0, 1, 2, … of a sequence, has no trace.
    once = {k: call for k, call in once.items() if call.given[0].shape[0] == inputs.shape[0]}
    if not once:
        return []
    sensitivities = _sensitivities(logits, [call.output for call in once.values()])
    return [
        _trace(name, layers[name], call.given[0].detach(), sensitivity)
        for (name, call), sensitivity in zip(once.items(), sensitivities, strict=True)
    ]


def _only_call(calls: list[Call], layer: nn.Module) -> Call | None:
    """The call of a layer that ran once."""
    own = [call for call in calls if call.layer is layer]
    return own[0] if len(own) == 1 else None


def _sensitivities(logits: Tensor, outputs: list[Tensor]) -> list[Tensor]:
    """∂logits/∂output of each layer (n × K × ...).

    Examples do not interact in evaluation mode, so the gradient of a sum over them is one row each.
    """
    classes = logits.shape[1]
    if classes > MANY_CLASSES:
        try:
            # As many calls as classes would cost more than their arithmetic.
            eye = torch.eye(classes, dtype=logits.dtype, device=logits.device)
            parts = _pulled(logits.sum(dim=0), eye, outputs)
            return [part.transpose(0, 1) for part in parts]
        except RuntimeError as error:  # some operation has no batching rule
            if out_of_memory(error):
                raise
    rows = [_pulled(logits[:, k].sum(), None, outputs) for k in range(classes)]
    return [torch.stack(parts, dim=1) for parts in zip(*rows, strict=True)]


def _pulled(sums: Tensor, weights: Tensor | None, outputs: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        sums,
        outputs,
        weights,
        retain_graph=True,
        materialize_grads=True,
        is_grads_batched=weights is not None,
    )


def _trace(name: str, layer: Layer, given: Tensor, sensitivity: Tensor) -> LayerTrace:
    n = given.shape[0]
    prefix = f"{name}." if name else ""
    s = sensitivity.reshape(n, sensitivity.shape[1], -1, sensitivity.shape[-1])
    if isinstance(layer, nn.Embedding):
        words = given.reshape(n, -1)
        a = functional.one_hot(words, layer.num_embeddings).to(s)
        if layer.padding_idx is not None:
            a[words == layer.padding_idx] = 0  # its gradient is held at zero
        return LayerTrace(f"{prefix}weight", None, a, s, name, transposed=True)
    if isinstance(layer, nn.Conv2d) and not isinstance(layer.padding, str):
        patches = functional.unfold(
            given,
            layer.kernel_size,
            dilation=layer.dilation,
            padding=layer.padding,
            stride=layer.stride,
        )
        a = patches.mT
        s = sensitivity.flatten(3).mT
    else:
        a = given.reshape(n, -1, given.shape[-1])
    if layer.bias is not None:
        a = torch.cat([a, torch.ones_like(a[:, :, :1])], dim=2)
    bias = f"{prefix}bias" if layer.bias is not None else None
    return LayerTrace(f"{prefix}weight", bias, a, s, name)
