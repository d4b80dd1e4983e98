"""Archives of torch.jit.save: the weights are read as data; the program in it is left and named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.safetensors_format import TENSORS, damaged
from minimascope.intake.files.taken import Row, left
from minimascope.intake.weights import inert_checkpoint
from minimascope.intake.weights.inert_pickle import Inert
from minimascope.intake.weights.state_dict import Picked

DEPTH = 64
SAID = (
    "This is a TorchScript archive: its weights were taken under their names, its program was not."
)


def read(source: BinaryIO) -> Picked:
    """The tensors of the module that was saved, in the order of its attributes.

    Raises ProblemError: not_a_checkpoint (a program without weights), and as `inert_checkpoint`.
    """
    network, _ = inert_checkpoint.read(source)
    if not isinstance(network, Inert):
        raise damaged("its module is not readable")
    tensors = _attributes(network, iter(range(TENSORS)))
    if not tensors:
        raise ProblemError(
            "not_a_checkpoint",
            "The TorchScript archive holds a program and no weights.",
            "Send the state dict of the network it was made from.",
        )
    name = network.name.removeprefix("__torch__.")[:100]
    rows = [
        Row(f"{len(tensors)} tensors", "the weights"),
        left(f"program {name!r}", "TorchScript; the network comes from the architecture"),
    ]
    return Picked(tensors, SAID, [], rows)


def _attributes(network: Inert, steps: Iterator[int], prefix: str = "") -> dict[str, Tensor]:
    """Tensors of a module before those of its children; `steps` ends where there are too many."""
    if prefix.count(".") > DEPTH or next(steps, None) is None:
        raise damaged("its modules are nested without end")
    state: Any = network.state if isinstance(network.state, dict) else {}
    own = {f"{prefix}{name}": each for name, each in state.items() if isinstance(each, Tensor)}
    for name, child in state.items():
        if isinstance(child, Inert) and child.name.startswith("__torch__."):
            own |= _attributes(child, steps, f"{prefix}{name}.")
    return own
