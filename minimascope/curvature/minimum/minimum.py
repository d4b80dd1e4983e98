"""A minimum under inspection: a trained network as a function of its flat parameter vector.

Everything in `curvature` and `boundary` takes a `Minimum`. The network runs in
evaluation mode (dropout off, BatchNorm on running statistics), buffers are constants, and θ is
the concatenation of all trainable parameters in `named_parameters` order, row-major
(docs/mathematics.md, section 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

Loss = Literal["cross_entropy", "binary", "mse"]


@dataclass(frozen=True)
class Minimum:
    """Network, training set and loss; all tensors share one dtype and device.

    inputs  n × ... ; targets n int64 (cross_entropy: class index, binary: 0 or 1) or n × K (mse).
    For `binary` the network has one logit per example; for `mse` K outputs with unit variance.
    """

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: Loss = "cross_entropy"

    @property
    def names(self) -> list[str]:
        """Trainable parameter names in θ order."""
        return [name for name, q in self.network.named_parameters() if q.requires_grad]

    @property
    def shapes(self) -> list[torch.Size]:
        """Shapes in θ order."""
        return [q.shape for q in self.network.parameters() if q.requires_grad]

    @property
    def theta(self) -> Tensor:
        """θ, shape (p,), a detached copy."""
        flat = [q.detach().reshape(-1) for q in self.network.parameters() if q.requires_grad]
        return torch.cat(flat)

    @property
    def dim(self) -> int:
        """p, the number of trainable parameters."""
        return sum(shape.numel() for shape in self.shapes)

    @property
    def n(self) -> int:
        """Number of training examples."""
        return self.inputs.shape[0]

    def subset(self, rows: Tensor) -> Minimum:
        """The same network on some examples (indices or a mask): mean loss over them alone."""
        return replace(self, inputs=self.inputs[rows], targets=self.targets[rows])

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Splits a (p,) vector into named parameters (views; differentiable)."""
        parts = torch.split(theta, [shape.numel() for shape in self.shapes])
        return {
            name: part.view(shape)
            for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    def logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """Network outputs (n × K) at parameters θ; differentiable in both arguments.

        Attention runs in its MATH form: fused kernels have neither second derivatives nor vmap.
        """
        with sdpa_kernel(SDPBackend.MATH):
            return functional_call(self.network, self.unflatten(theta), (inputs,))


def prepare(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Loss = "cross_entropy",
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Minimum:
    """Puts a network and its data on one dtype and device, in evaluation mode.

    TensorFloat-32 is switched off in this process: convolutions on a GPU use it by default, and
    with its 10 bits no residual falls below about 1e-3. So are fused encoder layers, which have
    no derivative.
    """
    torch.backends.mha.set_fastpath_enabled(False)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    network = network.to(device=device, dtype=dtype).eval()
    if inputs.is_floating_point():
        inputs = inputs.to(dtype)
    if targets.is_floating_point():
        targets = targets.to(dtype)
    return Minimum(network, inputs.to(device), targets.to(device), loss)
