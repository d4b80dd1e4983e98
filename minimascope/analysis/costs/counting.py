"""What operations of torch do, counted: multiplications, and the numbers that they hand on."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from typing_extensions import override  # comes with torch

from minimascope.curvature.running.dispatch import LightDispatch


class Counted(LightDispatch):
    """Within it: `products` and `convolved`, the operations of matrix products and convolutions
    (a multiplication and an addition are two), and `numbers` written by what is no view.

    torch's own counter imports a compiler at its first operation, two seconds of every analysis.
    """

    def __init__(self) -> None:
        super().__init__()
        self.products = self.convolved = self.numbers = 0

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        result = func(*args, **named)
        if not func.is_view:
            leaves = tree_leaves(result)
            self.numbers += sum(each.numel() for each in leaves if isinstance(each, Tensor))
        operation = func.overloadpacket
        if operation in flop_registry:
            count = flop_registry[operation](*args, **named, out_val=result)
            if "conv" in str(operation):
                self.convolved += count
            else:
                self.products += count
        return result
