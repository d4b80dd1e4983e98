"""Modes that see every operation of torch, and cost no more than that."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override


class LightDispatch(TorchDispatchMode):
    """torch's own imports a compiler at its first operation, which takes seconds."""

    @classmethod
    @override
    def _should_skip_dynamo(cls) -> bool:
        return False
