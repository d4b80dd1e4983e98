"""A network of a script seen through a function of one tensor: parameters keep their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from typing_extensions import override

Call = Callable[[nn.Module, Tensor], Any]


class Around(nn.Module):
    """`call(network, inputs)`, then `last` where there is one.

    Submodules, parameters and buffers are the network's own, under its own names: replacing one
    here (as torch's functional_call does) replaces it there.
    """

    def __init__(self, network: nn.Module, call: Call, last: nn.Module | None = None) -> None:
        super().__init__()
        # Not as submodules: a name before every other, and one more in the network's own.
        self.__dict__ |= {"_within": network, "_call": call, "_last": last}
        for kind in ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set"):
            self.__dict__[kind] = network.__dict__[kind]

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (n × K) of inputs (n × ...)."""
        found: Tensor = self.__dict__["_call"](self.__dict__["_within"], inputs)
        last = self.__dict__["_last"]
        return found if last is None else last(found)

    @override
    def train(self, mode: bool = True) -> Around:
        """Also that of the network within, whose children are these."""
        self.__dict__["_within"].train(mode)
        self.training = mode
        return self

    @override
    def extra_repr(self) -> str:
        """What is done to the outputs."""
        last = self.__dict__["_last"]
        return "" if last is None else type(last).__name__

    def followed_by(self, last: nn.Module) -> Around:
        """The same network and parameters with one more layer."""
        before = self.__dict__["_last"]
        after = last if before is None else nn.Sequential(before, last)
        return Around(self.__dict__["_within"], self.__dict__["_call"], after).eval()


def plainly(network: nn.Module, inputs: Tensor) -> Any:
    """The network as it is."""
    return network(inputs)
