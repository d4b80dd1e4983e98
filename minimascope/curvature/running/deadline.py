"""The moment by which an analysis is to be over: then the next operation of torch ends it.

Nobody on the way hands it down or asks: whoever keeps it sees every operation, which costs some
microseconds each, and there is none unless somebody set one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch.overrides import TorchFunctionMode
from typing_extensions import override

_END: ContextVar[float | None] = ContextVar("end of an analysis", default=None)


class OutOfTimeError(Exception):
    """The time is over: what is not finished is left off."""


class _Watched(TorchFunctionMode):
    def __init__(self, end: float) -> None:
        super().__init__()
        self.end = end

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if time.perf_counter() > self.end:
            raise OutOfTimeError
        return func(*args, **(kwargs or {}))


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """So many seconds from now on; None for any number. An end that is set already stays."""
    if seconds is None or _END.get() is not None:
        yield
        return
    token = _END.set(time.perf_counter() + seconds)
    try:
        yield
    finally:
        _END.reset(token)


@contextmanager
def kept(*, least: float = 0.0) -> Iterator[None]:
    """Operations within raise OutOfTimeError past the end, which is at least so many seconds
    away; nothing does where there is none."""
    if _END.get() is None:
        yield
        return
    end = time.perf_counter() + max(least, left())
    token = _END.set(end)
    try:
        with _Watched(end):
            yield
    finally:
        _END.reset(token)


def left() -> float:
    """Seconds to the end, at least 0; infinity where there is none."""
    end = _END.get()
    return float("inf") if end is None else max(0.0, end - time.perf_counter())
