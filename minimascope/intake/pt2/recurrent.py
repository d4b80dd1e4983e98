"""Recurrent layers written out step by step: their fused kernels have no second derivative.

Arguments are those of aten's `lstm.input`, `gru.input`, `rnn_tanh.input` and `rnn_relu.input`;
`graph` has refused training mode, so that there is no dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

State = tuple[Tensor, ...]  # of every example: hidden, and for an LSTM the cell
# Takes x·W_ihᵀ + b_ih of one time, h·W_hhᵀ + b_hh, and the state; gives the next state.
Cell = Callable[[Tensor, Tensor, State], State]


def _lstm_cell(given: Tensor, recurrent: Tensor, state: State) -> State:
    enter, forget, new, leave = (given + recurrent).chunk(4, -1)
    cell = forget.sigmoid() * state[1] + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def _gru_cell(given: Tensor, recurrent: Tensor, state: State) -> State:
    reset, update, new = given.chunk(3, -1)
    reset_h, update_h, new_h = recurrent.chunk(3, -1)
    keep = (update + update_h).sigmoid()
    new = (new + (reset + reset_h).sigmoid() * new_h).tanh()
    return ((1 - keep) * new + keep * state[0],)


def _plain_cell(activation: Callable[[Tensor], Tensor]) -> Cell:
    return lambda given, recurrent, _: (activation(given + recurrent),)


def _layer(
    cell: Cell,
    inputs: Tensor,
    hx: Tensor | Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    _dropout: float,
    _train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """Hidden states of the last layer (batch × time × directions·H, or time first), then the last
    states of all layers (layers·directions × batch × H)."""
    directions = 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    starts = [hx] if isinstance(hx, Tensor) else list(hx)
    rows = inputs.transpose(0, 1) if batch_first else inputs
    ends: list[State] = []
    for _ in range(num_layers):
        sides = []
        for backwards in range(directions):
            which = len(ends)
            weights = params[which * each : (which + 1) * each]
            times = rows.flip(0) if backwards else rows
            start = tuple(part[which] for part in starts)
            seen, end = _over_time(cell, times, start, weights, has_biases=has_biases)
            sides.append(seen.flip(0) if backwards else seen)
            ends.append(end)
        rows = torch.cat(sides, -1)
    outputs = rows.transpose(0, 1) if batch_first else rows
    return outputs, *(torch.stack(part) for part in zip(*ends, strict=True))


def _over_time(
    cell: Cell, times: Tensor, state: State, weights: Sequence[Tensor], *, has_biases: bool
) -> tuple[Tensor, State]:
    """Hidden states at every time, and the last state; one direction of one layer."""
    into, again = (weights[2], weights[3]) if has_biases else (None, None)
    project = weights[-1] if len(weights) in (3, 5) else None  # an LSTM's proj_size
    seen = []
    for given in linear(times, weights[0], into).unbind(0):
        state = cell(given, linear(state[0], weights[1], again), state)
        if project is not None:
            state = (linear(state[0], project), *state[1:])
        seen.append(state[0])
    return torch.stack(seen), state


RECURRENT: dict[str, Callable[..., Any]] = {
    "lstm": partial(_layer, _lstm_cell),
    "gru": partial(_layer, _gru_cell),
    "rnn_tanh": partial(_layer, _plain_cell(torch.tanh)),
    "rnn_relu": partial(_layer, _plain_cell(torch.relu)),
}
