"""Parameters that the loss of training cannot depend on: what stands in front of a BatchNorm.

In training a BatchNorm takes the mean of its batch away, and with it the bias of the layer before
it: the derivative by that bias is zero for whatever loss. The network that is evaluated has fixed
means and does depend on it. Such a bias is left where it was by training with or without an
example, and Adam's second moment of it is nothing, so that a metric would let it move without end.

Found out numerically, whatever the network is made of: random sums of the outputs are derived
twice, with the network's own statistics and with those of the batch in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import batch_norm
from torch.overrides import TorchFunctionMode
from typing_extensions import override  # comes with torch

from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.positions import LOGITS_AT_ONCE

EXAMPLES = 64  # of the batch
NOTHING = 1e-8  # of the largest derivative of the same tensor in evaluation: rounding in float64


def unseen_in_training(minimum: Minimum) -> Tensor | None:
    """(p,) true for tensors without a derivative in training that have one in evaluation.

    None where there are none; of a minimum in float64.
    """
    theta, inputs = minimum.theta.requires_grad_(), minimum.inputs[:EXAMPLES]
    statistics = BatchStatistics()
    with torch.no_grad(), statistics:  # a batch of two has statistics
        outputs = as_matrix(minimum.logits(theta, inputs[:2]))
    if not statistics.used:
        return None
    inputs = inputs[: max(2, LOGITS_AT_ONCE // outputs.shape[1])]
    shape = (len(inputs), outputs.shape[1])
    seeds = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(outputs)
    with BatchStatistics():
        trained = _derivative(minimum, theta, inputs, seeds)
    evaluated = _derivative(minimum, theta, inputs, seeds)
    unseen = torch.zeros_like(theta, dtype=torch.bool)
    for place in minimum.places.values():
        left, there = (float(g[place.slice].abs().max()) for g in (trained, evaluated))
        unseen[place.slice] = left <= NOTHING * there and there > 0
    return unseen.detach() if bool(unseen.any()) else None


def _derivative(minimum: Minimum, theta: Tensor, inputs: Tensor, seeds: Tensor) -> Tensor:
    total = (as_matrix(minimum.logits(theta, inputs)) * seeds).sum()
    return torch.autograd.grad(total, theta)[0]


class BatchStatistics(TorchFunctionMode):
    """Within it every BatchNorm, of a module or of a program, normalises by its own batch."""

    def __init__(self) -> None:
        super().__init__()
        self.used = False

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """As `func`, but for the three ways in which torch names a BatchNorm."""
        named = dict(kwargs or {})
        kind = getattr(func, "__name__", "").split(".")[0]
        if kind not in ("batch_norm", "_native_batch_norm_legit_no_training"):
            return func(*args, **named)
        self.used = True
        if func is batch_norm:  # input, mean, variance, weight, bias
            weight, bias = (named.get(k, args[i] if len(args) > i else None) for k, i in _AFFINE)
            eps = named.get("eps", args[7] if len(args) > 7 else 1e-5)
            return _normalised(args[0] if args else named["input"], weight, bias, eps)
        eps = args[7] if kind == "batch_norm" else args[6]
        found = _normalised(args[0], args[1], args[2], eps)
        return found if kind == "batch_norm" else (found, None, None)


_AFFINE = (("weight", 3), ("bias", 4))


def _normalised(values: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    return batch_norm(values, None, None, weight, bias, training=True, eps=eps)
