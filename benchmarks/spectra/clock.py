"""CPU and wall seconds of a call, with a limit on its CPU time."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Generic, TypeVar

Result = TypeVar("Result")


class LimitReachedError(Exception):
    """The call took more CPU time than it was given."""


@dataclass(frozen=True)
class Timed(Generic[Result]):
    """`value` is None where the limit was reached; seconds are then what had been spent."""

    value: Result | None
    cpu: float
    wall: float


def _stop(signum: int, frame: FrameType | None) -> None:
    raise LimitReachedError


def timed(call: Callable[[], Result], *, limit: float) -> Timed[Result]:
    """Runs the call once."""
    previous = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    cpu, wall = time.process_time(), time.perf_counter()
    value: Result | None
    try:
        value = call()
    except LimitReachedError:
        value = None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    return Timed(value, time.process_time() - cpu, time.perf_counter() - wall)


def peak_megabytes() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
