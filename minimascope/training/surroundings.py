"""The process of a training script, left as it was: random states, torch's switches, threads."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """Whatever happens within, also an exception or Ctrl-C, the process is the same after.

    Within, derivatives are on and autocast is off, whatever mode the script is in; tensors are
    made on the CPU in float32, torch's own defaults.
    """
    undo = [each() for each in (_random_states, _switches, _defaults)]
    try:
        with ExitStack() as modes:
            for mode in (torch.inference_mode(False), torch.enable_grad()):
                modes.enter_context(mode)
            if torch.get_default_device().type != "cpu":  # this mode costs time in every operation
                modes.enter_context(torch.device("cpu"))
            # torch's own derivatives by jvp, when they are first loaded.
            modes.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)
            for kind in ("cpu", "cuda"):
                modes.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        for each in undo:
            each()


def _random_states() -> Callable[[], None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    # A GPU that the script has not touched is not started for this.
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def undo() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if gpus:
            torch.cuda.set_rng_state_all(gpus)

    return undo


def _switches() -> Callable[[], None]:
    """Those that the numerics set for the whole process."""
    cudnn: Any = torch.backends.cudnn
    matmul: Any = torch.backends.cuda.matmul
    fast, convolutions, products = (
        torch.backends.mha.get_fastpath_enabled(),
        cudnn.allow_tf32,
        matmul.allow_tf32,
    )

    def undo() -> None:
        torch.backends.mha.set_fastpath_enabled(fast)
        cudnn.allow_tf32, matmul.allow_tf32 = convolutions, products

    return undo


def _defaults() -> Callable[[], None]:
    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)

    def undo() -> None:
        torch.set_num_threads(threads)
        torch.set_default_dtype(kind)

    return undo
