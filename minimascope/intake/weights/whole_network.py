"""The weights of a network that was pickled whole, torch.save(model, path): no class is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from minimascope.intake.files.safetensors_format import TENSORS, damaged
from minimascope.intake.weights.inert_pickle import Inert

DEPTH = 64


def _is_network(value: Any) -> bool:
    return isinstance(value, Inert) and isinstance(value.state, dict) and "_modules" in value.state


def _weights(network: Inert, left: Iterator[int], prefix: str = "") -> dict[str, Tensor]:
    """The state dict of a pickled torch.nn.Module, in the order of its own `state_dict`.

    `left` ends where too many modules have been seen: a few that hold each other unfold to any
    number.
    """
    if prefix.count(".") > DEPTH or next(left, None) is None:
        raise damaged("its modules are nested without end")
    state, found = network.state, dict[str, Tensor]()
    passing = state.get("_non_persistent_buffers_set", ())
    for kind in ("_parameters", "_buffers"):
        for name, tensor in state.get(kind, {}).items():
            if isinstance(tensor, Tensor) and not (kind == "_buffers" and name in passing):
                found[f"{prefix}{name}"] = tensor
    for name, child in state["_modules"].items():
        if _is_network(child):
            found |= _weights(child, left, f"{prefix}{name}.")
    return found


def unfolded(value: Any, said: list[str], depth: int = 0) -> Any:
    """The value with every whole network in it replaced by its weights."""
    if _is_network(value):
        said.append(f"The weights of a whole network ({value.name[:100]}) were taken.")
        return _weights(value, iter(range(TENSORS)))
    if isinstance(value, dict) and depth < 3:
        return {key: unfolded(item, said, depth + 1) for key, item in value.items()}
    return value
