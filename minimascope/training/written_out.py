"""Layers of torch whose kernels lack a derivative, written out in the copy of a script's model.

Recurrent layers have no vmap, weight norm (of either kind) no forward derivative. Classes are
changed, not modules: parameters, their names and hooks stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.weight_norm import WeightNorm
from typing_extensions import override

from minimascope.intake.pt2.operators import weight_norm
from minimascope.intake.pt2.recurrent import RECURRENT


def written_out(network: nn.Module) -> None:
    """Changes these layers of the network, in place."""
    for module in network.modules():
        kind = _RECURRENT.get(type(module))
        if kind is not None:
            module.__class__ = kind
        elif type(module) is _WeightNorm:
            module.__class__ = _Parametrized
        for hook in module._forward_pre_hooks.values():
            if type(hook) is WeightNorm:
                hook.__class__ = _Hooked


class _Unrolled(nn.RNNBase):
    """Time step by time step; packed sequences go the layer's own way."""

    @override
    def forward(self, input: Any, hx: Any = None) -> Any:
        """As the layer that it is made of."""
        if not isinstance(input, Tensor):
            return super().forward(input, hx)
        if input.ndim == 2:  # one example
            time = 0 if self.batch_first else 1
            outputs, last = self._run(input.unsqueeze(time), _each(hx, Tensor.unsqueeze))
            return outputs.squeeze(time), _each(last, Tensor.squeeze)
        return self._run(input, hx)

    def _run(self, rows: Tensor, hx: Any) -> tuple[Tensor, Any]:
        weights = [getattr(self, name) for name in self._flat_weights_names]
        start = self._zeros(rows) if hx is None else hx
        layer = RECURRENT[self.mode.lower()]
        told = (self.bias, self.num_layers, 0.0, False, self.bidirectional, self.batch_first)
        outputs, *states = layer(rows, start, weights, *told)
        return outputs, tuple(states) if self.mode == "LSTM" else states[0]

    def _zeros(self, rows: Tensor) -> Any:
        count = self.num_layers * (2 if self.bidirectional else 1)
        batch = rows.shape[0 if self.batch_first else 1]
        hidden = rows.new_zeros(count, batch, self.proj_size or self.hidden_size)
        if self.mode != "LSTM":
            return hidden
        return hidden, rows.new_zeros(count, batch, self.hidden_size)


def _each(states: Any, change: Callable[[Tensor, int], Tensor]) -> Any:
    """With a dimension of examples, the second, or without it."""
    if states is None or isinstance(states, Tensor):
        return states if states is None else change(states, 1)
    return tuple(change(part, 1) for part in states)


class _UnrolledRNN(_Unrolled, nn.RNN): ...


class _UnrolledLSTM(_Unrolled, nn.LSTM): ...


class _UnrolledGRU(_Unrolled, nn.GRU): ...


_RECURRENT: dict[type[nn.Module], type[nn.Module]] = {
    nn.RNN: _UnrolledRNN,
    nn.LSTM: _UnrolledLSTM,
    nn.GRU: _UnrolledGRU,
}


class _Parametrized(_WeightNorm):
    @override
    def forward(self, weight_g: Any, weight_v: Any) -> Tensor:
        """g·v/‖v‖."""
        return weight_norm(weight_v, weight_g, self.dim)


class _Hooked(WeightNorm):
    @override
    def compute_weight(self, module: nn.Module) -> Any:
        """g·v/‖v‖."""
        size, direction = (getattr(module, self.name + each) for each in ("_g", "_v"))
        return weight_norm(direction, size, self.dim)


def copies_of_results(network: nn.Module) -> dict[int, Tensor]:
    """A memo for `copy.deepcopy`: what modules keep of a pass has a graph, which is not copied."""
    kept = (each for module in network.modules() for each in vars(module).values())
    return {
        id(each): each.detach().clone()
        for each in kept
        if isinstance(each, torch.Tensor) and each.grad_fn is not None
    }
