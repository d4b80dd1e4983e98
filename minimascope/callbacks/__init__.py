"""`minimascope.track` for trainers of others: Lightning and Hugging Face's, loaded when asked for.

from minimascope.callbacks import LightningCallback
Trainer(callbacks=[LightningCallback(criterion="CrossEntropyLoss", log=wandb.log)])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minimascope.callbacks.huggingface import TrainerCallback
    from minimascope.callbacks.lightning import LightningCallback

__all__ = ["LightningCallback", "TrainerCallback"]
_HOMES = {"LightningCallback": "lightning", "TrainerCallback": "huggingface"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"minimascope.callbacks.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
