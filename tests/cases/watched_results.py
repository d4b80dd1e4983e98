"""Every result that torch makes, seen: for tests of what is never held."""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Watched(TorchDispatchMode):
    """Tells `see` each tensor that an operation returns."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                self.see(each)
        return result

    def see(self, result: Tensor) -> None:
        raise TypeError("What is watched for is said by a kind of its own.")


class LargestLogits(Watched):
    """How many numbers the largest result has whose last dimension is one of `sizes`."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes, self.numbers = sizes, 0

    def see(self, result: Tensor) -> None:
        if result.ndim and result.shape[-1] in self._sizes:
            held = result.untyped_storage().nbytes() // result.element_size()
            self.numbers = max(self.numbers, min(result.numel(), held))


class Standing(Watched):
    """How many blocks of `least` bytes and more stood at a time."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self._least, self.most = least, 0
        self._seen: dict[int, list[weakref.ref[Tensor]]] = {}

    def see(self, result: Tensor) -> None:
        if result.untyped_storage().nbytes() >= self._least:
            at = result.untyped_storage().data_ptr()
            self._seen.setdefault(at, []).append(weakref.ref(result))
        alive = sum(any(each() is not None for each in some) for some in self._seen.values())
        self.most = max(self.most, alive)
