"""A minimum under inspection: a trained network as a function of its flat parameter vector.

Everything in `curvature` and `boundary` takes a `Minimum`. The network runs in
evaluation mode (dropout off, BatchNorm on running statistics), buffers are constants, and θ is
laid out as `places` says (docs/mathematics.md, section 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from minimascope.curvature.minimum.places import Place, places_of, split
from minimascope.objective.loss import Loss, LossName
from minimascope.objective.objective import Objective, objective_of
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty


@dataclass(frozen=True)
class Minimum:
    """Network, training set and what was minimised; all tensors share one dtype and device.

    inputs n × ... ; targets as the loss takes them, one row an example: class indices (int64), 0
    or 1 for one logit, n × K numbers for squared error, soft and several labels; a weight before
    them where examples are weighted. groups (n,): which original an example is a copy of, where
    training had copies; None where each stands alone.
    """

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    objective: Objective = Objective()
    groups: Tensor | None = None

    @property
    def loss(self) -> Loss:
        """The loss of each example."""
        return self.objective.loss

    @property
    def labels(self) -> Tensor:
        """The class of each example (n,), where the loss classifies."""
        return self.loss.labels(self.targets)

    @property
    def places(self) -> dict[str, Place]:
        """Where every trainable parameter lies in θ, by name, in θ order."""
        return places_of(self.network)

    @property
    def names(self) -> list[str]:
        """Trainable parameter names in θ order."""
        return list(self.places)

    @property
    def theta(self) -> Tensor:
        """θ, shape (p,), a detached copy."""
        flat = [q.detach().reshape(-1) for q in self.network.parameters() if q.requires_grad]
        return torch.cat(flat)

    @property
    def dim(self) -> int:
        """p, the number of trainable parameters."""
        return sum(place.size for place in self.places.values())

    @property
    def n(self) -> int:
        """Number of training examples."""
        return self.inputs.shape[0]

    def subset(self, rows: Tensor) -> Minimum:
        """The same network on some examples (indices or a mask): mean loss over them alone."""
        targets = self.targets[rows]
        return replace(
            self,
            inputs=self.inputs[rows],
            targets=targets,
            objective=self.objective.of_data(targets),
            groups=None if self.groups is None else self.groups[rows],
        )

    def trained(
        self,
        *,
        weight_decay: float | None = None,
        lr: float | None = None,
        momentum: float | None = None,
        steps: int | None = None,
    ) -> Minimum:
        """The same minimum of all its parameters, by SGD of constant rate; None: not known."""
        objective = Objective(
            self.loss,
            Penalty(weight_decay),
            Optimiser(lr=lr, momentum=momentum, steps=steps),
        )
        return replace(self, objective=objective)

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Splits a (p,) vector into named parameters (views; differentiable)."""
        return split(theta, self.places)

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
    loss: Objective | Loss | LossName = "cross_entropy",
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Minimum:
    """Puts a network and its data on one dtype and device, in evaluation mode.

    `loss` is what was minimised: the objective, or its loss (or name) where no more is known. It
    is normalised for these targets. ValueError where no example would count.

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
    objective = objective_of(loss).of_data(targets)
    return Minimum(network, inputs.to(device), targets.to(device), objective)


def check_minimum(minimum: Minimum) -> None:
    """Raises ValueError with one sentence where the minimum cannot be analysed."""
    if minimum.dim == 0:
        raise ValueError("The network has no trainable parameters.")
    if minimum.n == 0:
        raise ValueError("The training set has no examples.")
    for name, tensor in minimum.unflatten(minimum.theta).items():
        if not torch.isfinite(tensor).all():
            bad = int((~torch.isfinite(tensor)).sum())
            raise ValueError(f"Parameter {name!r} holds {bad} values that are not finite.")
    if minimum.inputs.is_floating_point() and not torch.isfinite(minimum.inputs).all():
        raise ValueError("The training inputs hold values that are not finite.")
